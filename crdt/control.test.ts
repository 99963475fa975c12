/** The control log reduced: who is a member when, and what a revocation leaves. */
import { describe, expect, it } from 'vitest'
import {
  activeMembers,
  emptyControl,
  enrolledAt,
  firstExcluded,
  freshlyCut,
  reduceControl,
  type ControlState,
} from './control.ts'
import type { CutPage } from './cut.ts'
import type { Event, PeerEnrol } from './event.ts'
import { sha256Hex } from './hash.ts'
import { CONTROL_NAMESPACE, type ChainId, type PeerId } from './ids.ts'
import { createMesh, cutting, eventId, genesisOf, peerOfSeed, said, type TestMesh } from './test-support.ts'

const [P, Q] = ['11'.repeat(32) as PeerId, '22'.repeat(32) as PeerId]
const [C1, C2] = ['ab'.repeat(16) as ChainId, 'cd'.repeat(16) as ChainId]
let n = 0
const enrol = (peer: PeerId, fields: Partial<PeerEnrol> = {}): Event => ({
  ...said('peer.enrol', ++n, CONTROL_NAMESPACE),
  peer,
  name: 'x',
  role: 'voter',
  ...fields,
})
const revoke = (peer: PeerId, last: CutPage = {}): readonly Event[] => cutting('peer.revoke', (n += 0x100), peer, last)
const leave = (peer: PeerId, last: CutPage = {}): readonly Event[] =>
  cutting('peer.leave_behind', (n += 0x100), peer, last)
const chain = (id: ChainId, peer: PeerId, begunAt = 2) => ({ id, peer, begunAt })
const many = (count: number): CutPage =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [sha256Hex(`${i}`).slice(0, 32), i + 1]))

const stateOf = (mesh: TestMesh): ControlState =>
  mesh.control.reduce((state, commit) => reduceControl(state, commit), emptyControl(mesh.id))
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
    const state = saying([enrol(P)], revoke(P, { [C1]: 7 }), [enrol(P)])
    expect([1, 2, 3, 4].map((seq) => enrolledAt(state, P, seq))).toEqual([false, true, false, false])
    expect(activeMembers(state).map(({ peer }) => peer)).toEqual([F])
    expect(firstExcluded(state, chain(C1, P))).toBe(8)
    expect(firstExcluded(state, chain(C2, P))).toBe(1)
  })

  it('who are in have nothing excluded', () => {
    const state = saying([enrol(P)])
    expect(firstExcluded(state, chain(C1, P))).toBe(Number.POSITIVE_INFINITY)
    expect(firstExcluded(state, chain(C1, Q))).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('what counts of a member that is out', () => {
  const [statement, ...pages] = revoke(P, { ...many(300), [C1]: 7 })
  const state = saying([enrol(P)], [statement!], ...pages.map((page) => [page]))

  it('stands in a table of any size, page by page, from the last page on', () => {
    expect(pages).toHaveLength(3)
    expect(firstExcluded(state, chain(C1, P))).toBe(8)
    for (const [id, seq] of Object.entries(many(300)))
      expect(firstExcluded(state, chain(id as ChainId, P))).toBe(seq + 1)
    expect(firstExcluded(state, chain(C2, P))).toBe(1)
    expect(firstExcluded(saying([enrol(P)], [statement!, ...pages]), chain(C1, P))).toBe(8)
  })

  it('is all that it wrote while the table is not whole, and it is out at once', () => {
    for (const told of [[], pages.slice(0, 2), [pages[0]!, pages[2]!], [...pages.slice(0, 2), pages[0]!]]) {
      const open = saying([enrol(P)], [statement!], ...told.map((page) => [page]))
      expect([2, 3, 4].map((seq) => enrolledAt(open, P, seq))).toEqual([true, false, false])
      expect([C1, C2].map((id) => firstExcluded(open, chain(id, P)))).toEqual([
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
      ])
    }
  })

  it('can be told again, by a statement or by its pages', () => {
    expect(
      firstExcluded(saying([enrol(P)], [statement!], pages.slice(0, 1), revoke(P, { [C1]: 3 })), chain(C1, P)),
    ).toBe(4)
    // One page that was another's fills the count and spoils the root: all are told again.
    const other = revoke(P, many(301)).slice(1)
    expect(other.at(-1)).not.toEqual(pages.at(-1))
    expect(firstExcluded(saying([enrol(P)], [statement!], other, pages), chain(C1, P))).toBe(8)
  })

  it('is not changed by pages that come later', () => {
    const later = saying([enrol(P)], [statement!, ...pages], revoke(P, { [C1]: 1 }), leave(P), pages)
    expect(firstExcluded(later, chain(C1, P))).toBe(8)
  })
})

describe('what a member leaves behind', () => {
  const state = saying([enrol(P)], [enrol(Q)], leave(P, { [C1]: 7 }))

  it('is what is beyond the table, of chains begun before; it stays a member', () => {
    expect([2, 3, 4, 5].map((seq) => enrolledAt(state, P, seq))).toEqual([true, true, true, true])
    expect([2, 3, 4].map((begunAt) => firstExcluded(state, chain(C2, P, begunAt)))).toEqual([
      1,
      1,
      Number.POSITIVE_INFINITY,
    ])
    expect([2, 4].map((begunAt) => firstExcluded(state, chain(C1, P, begunAt)))).toEqual([8, 8])
    expect(firstExcluded(state, chain(C1, Q))).toBe(Number.POSITIVE_INFINITY)
  })

  it('adds up, and goes with a revocation', () => {
    const twice = saying(
      [enrol(P)],
      leave(P, { [C1]: 7 }),
      leave(P, { [C1]: 9, [C2]: 2 }),
      revoke(P, { [C1]: 3, [C2]: 1 }),
    )
    expect([C1, C2].map((id) => firstExcluded(twice, chain(id, P, 3)))).toEqual([4, 2])
    expect(activeMembers(twice).map(({ peer }) => peer)).toEqual([F])
  })

  it('shows in who was cut anew', () => {
    const before = saying([enrol(P)], [enrol(Q)])
    expect(freshlyCut(before, state).map(({ peer }) => peer)).toEqual([P])
    expect(freshlyCut(state, state)).toEqual([])
    expect(freshlyCut(before, saying([enrol(P)], [enrol(Q)], leave(P, { [C1]: 7 }).slice(0, 1)))).toEqual([])
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
    const state = saying(revoke(P), [enrol(P)], revoke(P, { [C1]: 3 }), revoke(P, { [C1]: 9 }))
    expect(enrolledAt(state, P, 3)).toBe(true)
    expect(firstExcluded(state, chain(C1, P))).toBe(4)
  })

  it('a second genesis', () => {
    const second = genesisOf(0xaa, {
      id: eventId(++n),
      name: 'elsewhere',
      members: [{ peer: P, name: 'p', role: 'voter' }],
    })
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
