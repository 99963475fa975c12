/** Which statements are certified, and that admission takes no other. */
import { describe, expect, it } from 'vitest'
import { decodeCommit, withVotes, type Commit, type Vote } from './commit.ts'
import { controlFault, emptyControl, reduceControl, sealControl, votersAt, type ControlState } from './control.ts'
import type { PeerEnrol } from './event.ts'
import { CONTROL_NAMESPACE } from './ids.ts'
import { limits } from './limits.ts'
import { pack } from './msgpack.ts'
import { keyPairFromSeed } from './signature.ts'
import {
  createReplica,
  founderOfSeed,
  hlcAt,
  cutting,
  meshOf,
  NOW_MS,
  peerOfSeed,
  said,
  seed,
  type TestMesh,
} from './test-support.ts'
import { isCertified, majorityOf, signVote } from './vote.ts'

const stateOf = (mesh: TestMesh): ControlState =>
  mesh.control.reduce((state, commit) => reduceControl(state, commit), emptyControl(mesh.id))
const enrol = (byte: number, role: 'voter' | 'observer' = 'voter'): PeerEnrol => ({
  ...said('peer.enrol', 0x2000 + byte, CONTROL_NAMESPACE),
  ...founderOfSeed(byte),
  role,
})
/** The next statement of the mesh, with the votes of these. */
const statement = (mesh: TestMesh, voters: readonly number[], byte = 9, at = 0): Commit => {
  const bare = sealControl(
    createReplica(mesh, 1).chains.get(mesh.control[0]!.chain)!,
    [enrol(byte)],
    hlcAt(NOW_MS, 500 + at),
    mesh.keys,
  )
  return withVotes(
    bare,
    voters.map((voter) => signVote(bare, keyPairFromSeed(seed(voter)))),
  )
}

describe('a statement is certified', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [255, 128],
  ])('of %i voters by %i', (voters, needed) => expect(majorityOf(voters)).toBe(needed))

  it('by more than half of the voters before it, and by nobody else', () => {
    const mesh = meshOf(1, 2, 3)
    mesh.say(enrol(5, 'observer'))
    const take = (commit: Commit) => createReplica(mesh, 1).take(commit.bytes)
    const uncertified = { kind: 'refused', reason: 'control_not_certified' }
    for (const voters of [[], [1], [1, 5], [1, 2, 5], [1, 2, 9]])
      expect(take(statement(mesh, voters)), String(voters)).toMatchObject(uncertified)
    for (const voters of [
      [1, 2],
      [2, 3],
      [1, 2, 3],
    ])
      expect(take(statement(mesh, voters)), String(voters)).toMatchObject({ kind: 'admitted' })
  })

  it("not by votes for another statement of that place, of another place, or in another voter's name", () => {
    const mesh = meshOf(1, 2, 3)
    const [one, other] = [statement(mesh, [1, 2]), statement(mesh, [1, 3], 8, 1)]
    const voters = votersAt(stateOf(mesh), 1)
    expect([isCertified(one, voters), isCertified(other, voters)]).toEqual([true, true])
    expect(isCertified(withVotes(one, other.votes), voters)).toBe(false)
    const [first, second] = one.votes as readonly [Vote, Vote]
    expect(
      isCertified(
        withVotes(one, [
          { ...first, voter: second.voter },
          { ...second, voter: first.voter },
        ]),
        voters,
      ),
    ).toBe(false)
    expect(isCertified(withVotes(one, [first, { voter: peerOfSeed(9), signature: first.signature }]), voters)).toBe(
      false,
    )
  })

  it('by the voters of its place, whatever was said later', () => {
    const mesh = meshOf(1, 2, 3)
    mesh.enrol(4)
    const early = mesh.control[1]!
    mesh.say(...cutting('peer.revoke', 0x3000, peerOfSeed(2), {}))
    for (const byte of [5, 6, 7]) mesh.enrol(byte)
    const now = stateOf(mesh)
    expect(controlFault(now, early)).toBeNull()
    expect(votersAt(now, 1).size).toBe(3)
    expect(votersAt(now, now.seq).size).toBe(6)
  })

  it('never where the authority did not sign it: votes make no statement', () => {
    const mesh = meshOf(1, 2, 3)
    const bare = sealControl(
      createReplica(mesh, 1).chains.get(mesh.control[0]!.chain)!,
      [enrol(9)],
      hlcAt(NOW_MS, 500),
      keyPairFromSeed(seed(1)),
    )
    expect(
      createReplica(mesh, 1).take(
        withVotes(
          bare,
          [1, 2, 3].map((byte) => signVote(bare, keyPairFromSeed(seed(byte)))),
        ).bytes,
      ),
    ).toEqual({ kind: 'refused', reason: 'control_not_by_the_authority' })
  })
})

describe('votes on the wire', () => {
  const encoded = (commit: Commit, votes: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array =>
    pack([
      commit.headerBytes,
      commit.events.map(({ bytes }) => bytes),
      commit.events.map(({ attestation }) => attestation),
      commit.signature,
      votes,
    ])
  const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
  const reason = (bytes: Uint8Array): string => {
    const decoded = decodeCommit(bytes)
    return decoded.ok ? 'ok' : decoded.reason
  }
  it('are ascending by voter, none twice, and few', () => {
    const commit = meshOf(1, 2).control[0]!
    const signature = new Uint8Array(64)
    expect(
      reason(
        encoded(commit, [
          [key(1), signature],
          [key(2), signature],
        ]),
      ),
    ).toBe('ok')
    expect(
      reason(
        encoded(commit, [
          [key(2), signature],
          [key(1), signature],
        ]),
      ),
    ).toBe('commit_shape')
    expect(
      reason(
        encoded(commit, [
          [key(1), signature],
          [key(1), signature],
        ]),
      ),
    ).toBe('commit_shape')
    expect(reason(encoded(commit, [[key(1), signature.subarray(1)]]))).toBe('commit_shape')
    expect(
      reason(
        encoded(
          commit,
          Array.from({ length: limits.votes_per_commit_max + 1 }, (_, n) => [key(n), signature] as const),
        ),
      ),
    ).toBe('commit_shape')
  })
  it('stand nowhere but in the control log', () => {
    const mesh = meshOf(1)
    const written = createReplica(mesh, 1).sealAll(
      hlcAt(NOW_MS, 900),
      null,
      [{ bytes: new Uint8Array(), event: { ...said('episode.append', 7), event_type: 'x' }, attestation: null }].map(
        ({ event, attestation }) => ({
          event,
          attestation,
          bytes: new TextEncoder().encode(JSON.stringify(event, Object.keys(event).sort())),
        }),
      ),
    )
    expect(reason(written.bytes)).toBe('ok')
    expect(reason(encoded(written, [[key(1), new Uint8Array(64)]]))).toBe('votes_outside_the_control_log')
  })
  it('a statement has a bound of its own', () => {
    const events = Array.from({ length: 256 }, (_, n) => ({
      ...enrol(9),
      id: said('x', 0x9000 + n).id,
      name: 'n'.repeat(200),
    }))
    const mesh = meshOf(1)
    expect(
      reason(
        sealControl(createReplica(mesh, 1).chains.get(mesh.control[0]!.chain)!, events, hlcAt(NOW_MS, 500), mesh.keys)
          .bytes,
      ),
    ).toBe('commit_too_large')
  })
})
