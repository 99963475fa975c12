/** The control log reduced: who is a member when, and what a revocation leaves. */
import { describe, expect, it } from 'vitest'
import { activeMembers, emptyControl, enrolledAt, firstExcluded, reduceControl, type ControlState } from './control.ts'
import type { Event, PeerEnrol, PeerRevoke } from './event.ts'
import { CONTROL_NAMESPACE, type ChainId, type PeerId } from './ids.ts'
import { createMesh, eventId, genesisOf, peerOfSeed, said, type TestMesh } from './test-support.ts'

const [P, Q] = ['11'.repeat(32) as PeerId, '22'.repeat(32) as PeerId]
const [C1, C2] = ['ab'.repeat(16) as ChainId, 'cd'.repeat(16) as ChainId]
let n = 0
const enrol = (peer: PeerId, fields: Partial<PeerEnrol> = {}): Event => ({ ...said('peer.enrol', ++n, CONTROL_NAMESPACE), peer, name: 'x', role: 'voter', ...fields })
const revoke = (peer: PeerId, last: PeerRevoke['last'] = {}): Event => ({ ...said('peer.revoke', ++n, CONTROL_NAMESPACE), peer, last })

const stateOf = (mesh: TestMesh): ControlState => mesh.control.reduce(reduceControl, emptyControl(mesh.id))
/** Behind the genesis, by which peer F founds it. */
const saying = (...commits: readonly (readonly Event[])[]): ControlState => {
  const mesh = createMesh()
  for (const events of commits) mesh.say(...events)
  return stateOf(mesh)
}
const F = peerOfSeed(1)

describe('members', () => {
  it('are in from their enrolment on', () => {
    const state = saying([enrol(P), enrol(Q, { role: 'observer', name: 'watcher' })])
    expect(state).toMatchObject({ name: 'test', seq: 2 })
    expect([0, 1, 2, 3].map((seq) => enrolledAt(state, P, seq))).toEqual([false, false, true, true])
    expect(activeMembers(state, 'voter').map(({ peer }) => peer)).toEqual([F, P])
    expect(activeMembers(state)).toHaveLength(3)
    expect([0, 1, 2].map((seq) => enrolledAt(state, F, seq))).toEqual([false, true, true])
    expect(enrolledAt(state, '33'.repeat(32) as PeerId, 2)).toBe(false)
  })

  it('are found by the hash of each control commit', () => {
    const mesh = createMesh()
    const commits = [mesh.control[0]!, mesh.say(enrol(P))]
    expect([...stateOf(mesh).seqByHash]).toEqual(commits.map(({ hash }, i) => [hash, i + 1]))
    expect(stateOf(mesh).head).toBe(commits[1]!.hash)
  })

  it('are out from their revocation on, for good', () => {
    const state = saying([enrol(P)], [revoke(P, { [C1]: 7 })], [enrol(P)])
    expect([1, 2, 3, 4].map((seq) => enrolledAt(state, P, seq))).toEqual([false, true, false, false])
    expect(activeMembers(state).map(({ peer }) => peer)).toEqual([F])
    expect(firstExcluded(state, P, C1)).toBe(8)
    expect(firstExcluded(state, P, C2)).toBe(1)
  })

  it('who are in have nothing excluded', () => {
    const state = saying([enrol(P)])
    expect(firstExcluded(state, P, C1)).toBe(Number.POSITIVE_INFINITY)
    expect(firstExcluded(state, Q, C1)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('statements that make no sense are passed over', () => {
  it('an invite used twice, also within one commit', () => {
    expect(activeMembers(saying([enrol(P, { invite: 'i' }), enrol(Q, { invite: 'i' })]))).toHaveLength(2)
    expect(activeMembers(saying([enrol(P, { invite: 'i' })], [enrol(Q, { invite: 'i' })]))).toHaveLength(2)
    expect(activeMembers(saying([enrol(P, { invite: 'i' })], [enrol(Q, { invite: 'j' })]))).toHaveLength(3)
  })

  it('an enrolment of a member: name, role and place stay', () => {
    const state = saying([enrol(P)], [enrol(P, { role: 'observer', name: 'other' })])
    expect(state.members.get(P)).toMatchObject({ role: 'voter', name: 'x', enrolledSeq: 2 })
  })

  it('a revocation of nobody, or a second one', () => {
    const state = saying([revoke(P)], [enrol(P)], [revoke(P, { [C1]: 3 })], [revoke(P, { [C1]: 9 })])
    expect(enrolledAt(state, P, 3)).toBe(true)
    expect(firstExcluded(state, P, C1)).toBe(4)
  })

  it('a second genesis', () => {
    const second = genesisOf(0xaa, { id: eventId(++n), name: 'elsewhere', members: [{ peer: P, name: 'p', role: 'voter' }] })
    const state = saying([second])
    expect([state.name, [...state.members.keys()]]).toEqual(['test', [F]])
  })
})

it('reducing is a value: earlier states stay as they were', () => {
  const mesh = createMesh()
  const before = stateOf(mesh)
  const copy = structuredClone(before)
  reduceControl(before, mesh.say(enrol(P)))
  expect(before).toEqual(copy)
})
