/** A recovery: certified by enough recovery keys in the voters' place, at whatever subset of them; what it says holds from its place on. */
import { describe, expect, it } from 'vitest'
import { withVotes, type Commit } from './commit.ts'
import { authorityAt, controlFault, sealControl, votersAt } from './control.ts'
import { controlChainAt } from './epoch.ts'
import type { ControlEvent } from './event.ts'
import { CONTROL_NAMESPACE, type PublicKey } from './ids.ts'
import { keyPairFromSeed } from './signature.ts'
import {
  createMesh,
  createReplica,
  cutting,
  founderOfSeed,
  hlcAt,
  NOW_MS,
  peerOfSeed,
  said,
  seed,
} from './test-support.ts'
import { signRecovery, signVote } from './vote.ts'

const keyOf = (byte: number): PublicKey => peerOfSeed(byte) as string as PublicKey
const pair = (byte: number) => keyPairFromSeed(seed(byte))
const KEYS = [0x21, 0x22, 0x23, 0x24, 0x25]
const meshWith = (threshold: number, keys: number) =>
  createMesh(0xaa, {
    members: [1, 2, 3].map(founderOfSeed),
    recovery: { threshold, keys: KEYS.slice(0, keys).map(keyOf) },
  })
type Mesh = ReturnType<typeof meshWith>
const recover = (authority = 0xbb): ControlEvent => ({
  ...said('mesh.recover', 0x50, CONTROL_NAMESPACE),
  authority: keyOf(authority),
})
const out = (byte: number): ControlEvent => cutting('peer.revoke', 0x60 + byte, peerOfSeed(byte), {})[0] as ControlEvent
const enrol = (byte: number): ControlEvent => ({
  ...said('peer.enrol', 0x70 + byte, CONTROL_NAMESPACE),
  ...founderOfSeed(byte),
})
const follower = (mesh: Mesh) => createReplica(mesh, 1)
const sealOn = (at: ReturnType<typeof follower>, events: readonly ControlEvent[], by: number, ms = 500): Commit =>
  sealControl(at.chains.get(controlChainAt(at.control(), at.control().seq))!, events, hlcAt(NOW_MS, ms), pair(by))
const signed = (commit: Commit, bytes: readonly number[]): Commit =>
  withVotes(
    commit,
    bytes.map((byte) => signRecovery(commit, pair(byte))),
  )
const subsets = (of: readonly number[]): number[][] =>
  of.reduce<number[][]>((all, each) => [...all, ...all.map((one) => [...one, each])], [[]])

describe('a recovery is certified', () => {
  it.each([
    [1, 1],
    [2, 2],
    [2, 3],
    [3, 4],
    [3, 5],
    [5, 5],
  ])('by any %i of %i keys, and by no fewer', (threshold, count) => {
    const mesh = meshWith(threshold, count)
    const bare = sealOn(follower(mesh), [recover()], 0xbb)
    for (const by of subsets(KEYS.slice(0, count))) {
      expect(follower(mesh).take(signed(bare, by).bytes).kind, String(by)).toBe(
        by.length >= threshold ? 'admitted' : 'refused',
      )
    }
  })
  it('never in a mesh without recovery keys, however many sign', () => {
    const mesh = meshWith(0, 0)
    for (const by of [[], KEYS])
      expect(follower(mesh).take(signed(sealOn(follower(mesh), [recover()], 0xbb), by).bytes)).toEqual({
        kind: 'refused',
        reason: 'control_not_certified',
      })
  })
  it('not by its voters, all of them, nor beside them', () => {
    const mesh = meshWith(2, 3)
    const bare = sealOn(follower(mesh), [recover()], 0xbb)
    for (const votes of [
      [1, 2, 3].map((byte) => signVote(bare, pair(byte))),
      [signRecovery(bare, pair(0x21)), signRecovery(bare, pair(0x22)), signVote(bare, pair(1))],
    ]) {
      expect(follower(mesh).take(withVotes(bare, votes).bytes)).toEqual({
        kind: 'refused',
        reason: 'control_not_certified',
      })
    }
  })
})

describe('what it says', () => {
  it('holds from its place on: the key that it names governs with the voters that are left, and the old one no more', () => {
    const mesh = meshWith(2, 3)
    const one = follower(mesh)
    expect(one.take(signed(sealOn(one, [recover(), out(2), out(3)], 0xbb), [0x21, 0x23]).bytes).kind).toBe('admitted')
    const state = one.control()
    expect([authorityAt(state, 1), authorityAt(state, 2)]).toEqual([keyOf(0xaa), keyOf(0xbb)])
    expect([[...votersAt(state, 1)].length, [...votersAt(state, 2)]]).toEqual([3, [peerOfSeed(1)]])
    const next = (by: number): Commit => {
      const bare = sealOn(one, [enrol(7)], by, 600)
      return withVotes(bare, [signVote(bare, pair(1))])
    }
    expect(one.take(next(0xaa).bytes)).toEqual({ kind: 'refused', reason: 'control_not_by_the_authority' })
    expect(one.take(next(0xbb).bytes).kind).toBe('admitted')
    // What came before is still judged as it was then.
    expect(one.log.slice(0, 2).map((commit) => controlFault(one.control(), commit))).toEqual([null, null])
  })
  it("is nothing where it is not the first event, or in the genesis' place", () => {
    const mesh = meshWith(2, 3)
    const one = follower(mesh)
    const bare = sealOn(one, [enrol(7), recover()], 0xaa)
    expect(
      one.take(
        withVotes(
          bare,
          [1, 2].map((byte) => signVote(bare, pair(byte))),
        ).bytes,
      ).kind,
    ).toBe('admitted')
    expect(authorityAt(one.control(), 2)).toBe(keyOf(0xaa))
  })
  it('can be said again, with the same keys', () => {
    const mesh = meshWith(2, 3)
    const one = follower(mesh)
    for (const [ms, by] of [
      [500, 0xbb],
      [600, 0xcc],
    ] as const)
      expect(one.take(signed(sealOn(one, [recover(by)], by, ms), [0x22, 0x23]).bytes).kind).toBe('admitted')
    expect(authorityAt(one.control(), 3)).toBe(keyOf(0xcc))
  })
})
