/** Two certified statements in one place of the control log: every member sees it, keeps the proof over a restart, and takes what the other side wrote. */
import { afterEach, expect, test } from 'vitest'
import { withVotes } from '../../crdt/commit.ts'
import { sealControl } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import { CONTROL_NAMESPACE, parseAgentId, parseNamespace, type PeerId } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { limits } from '../../crdt/limits.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { said } from '../../crdt/test-support.ts'
import { signVote } from '../../crdt/vote.ts'
import { createWorld, type World } from '../testing/world.ts'

const ns = parseNamespace('n')!
const agent = parseAgentId('agent')!

let world: World
afterEach(() => world.stopAll())

const control = (peer: number) => world.peer(peer).replica.index.control
const forks = (peer: number) => world.peer(peer).replica.branches.forks()
const enrolling = (name: string, byte: number): ControlEvent => ({
  ...said('peer.enrol', byte, CONTROL_NAMESPACE),
  peer: publicKeyHex(keyPairFromSeed(sha256(name))) as PeerId,
  name,
  role: 'observer',
})
/** The next statement behind what `at` holds, certified by these. */
const certifiedOn = (at: number, byte: number, voters: readonly number[], name = `observer ${byte}`): Uint8Array => {
  const { index } = world.peer(at).replica
  const chain = [...index.chains.values()].find(({ namespace }) => namespace === CONTROL_NAMESPACE)!
  const bare = sealControl(chain, [enrolling(name, byte)], (chain.hlc + byte) as Hlc, world.authority)
  return withVotes(
    bare,
    voters.map((voter) => signVote(bare, world.keys[voter]!)),
  ).bytes
}
const tell = (peer: number, commits: readonly Uint8Array[]): void =>
  world
    .peer(peer)
    .shell.feed({ kind: 'statements', from: publicKeyHex(world.keys[0]!) as PeerId, commits, delivery: -1 })
const store = async (peer: number, content: string) => {
  const stored = await world.run(world.peer(peer).node.remember(ns, { content }, { agent, quorum: 1 }))
  return stored!.id
}

test('MB6 MB8 both sides of a fork, and who met only one of them, see it; what was written on the other side counts; a restart forgets nothing', async () => {
  // Peer 3 meets nobody but peer 0, and peers 1 and 2 nobody but 0 either.
  world = await createWorld({ peers: 4, seed: 31 })
  await world.agree()
  world.partition([0, 1, 3], [2])
  const [ours, theirs] = [certifiedOn(0, 0x51, [0, 1, 3]), certifiedOn(2, 0x52, [1, 2, 3])]
  tell(0, [ours])
  tell(2, [theirs])
  await world.run(() => [0, 1, 2, 3].every((peer) => control(peer).seq === 2))
  expect([0, 1, 2, 3].map((peer) => forks(peer).length)).toEqual([0, 0, 0, 0])
  // Theirs goes on, so that the lengths differ too.
  tell(2, [certifiedOn(2, 0x53, [1, 2, 3])])
  await world.run(() => control(2).seq === 3)
  const id = await store(2, 'written under a statement that the others do not follow')
  world.network.heal()
  await world.run(() => [0, 1, 2, 3].every((peer) => forks(peer).length === 1))
  expect(new Set([0, 1, 3].map((peer) => JSON.stringify(forks(peer)))).size).toBe(1)
  expect([forks(2)[0]!.ours, forks(2)[0]!.theirs, forks(2)[0]!.place]).toEqual([
    forks(0)[0]!.theirs,
    forks(0)[0]!.ours,
    2,
  ])
  await world.run(() => [0, 1, 3].every((peer) => world.peer(peer).replica.index.namespaces.has(ns)))
  for (const peer of [0, 1, 2, 3]) {
    const health = await world.peer(peer).node.health()
    expect([health.status, health.writes, health.control.forked, String(health.reasons)]).toEqual([
      'degraded',
      true,
      true,
      expect.stringMatching(/control_forked: .*number 2 .*mesh recover/),
    ])
    expect(await world.peer(peer).node.metrics()).toMatch(/mnemesh_control_forked 1/)
  }
  await world.stop(1)
  await world.start(1)
  expect([
    forks(1).length,
    world
      .peer(1)
      .replica.index.chains.get(
        [...world.peer(2).replica.index.chains.values()].find(({ namespace }) => namespace === ns)!.id,
      )?.policySeq,
  ]).toEqual([1, 1])
  expect(await world.run(world.peer(1).node.get(id, {}))).toBeTruthy()
})

test('MB6 our own statement, told again by another link while its flush is under way, is no other line', async () => {
  world = await createWorld({ peers: 3, seed: 34 })
  await world.agree()
  const good = certifiedOn(0, 0x54, [0, 1])
  // The second and the third come before the first is on the disk.
  for (let times = 0; times < 3; times++) tell(0, [good])
  await world.run(() => [0, 1, 2].every((peer) => control(peer).seq === 2))
  expect([0, 1, 2].map((peer) => forks(peer))).toEqual([[], [], []])
  expect((await world.peer(0).node.health()).reasons).toEqual([])
})

test('what its line does not certify is kept nowhere, and what is kept is bounded', async () => {
  world = await createWorld({ peers: 3, seed: 32 })
  await world.agree()
  const [few, foreign, good] = [certifiedOn(0, 0x61, [0]), certifiedOn(0, 0x62, [0, 1]), certifiedOn(0, 0x63, [1, 2])]
  tell(0, [good])
  await world.run(() => control(0).seq === 2)
  const orphan = certifiedOn(0, 0x64, [0, 1])
  tell(0, [orphan])
  await world.run(() => control(0).seq === 3)
  tell(1, [few, orphan.subarray(0, 40), sha256('noise')])
  await world.run(() => [1, 2].every((peer) => control(peer).seq === 3))
  expect([0, 1, 2].map((peer) => forks(peer).length)).toEqual([0, 0, 0])
  tell(1, [foreign])
  await world.run(() => [0, 1, 2].every((peer) => forks(peer).length === 1))
  // As many as whoever holds a majority's keys likes to make: the first are kept.
  tell(
    2,
    Array.from({ length: limits.control_branch_statements_max + 4 }, (_, n) =>
      certifiedOn(2, 0x65, [0, 1], `observer ${n}`),
    ),
  )
  await world.run(() => forks(2).length >= limits.control_branch_statements_max - 1)
  expect(forks(2).length).toBeLessThanOrEqual(limits.control_branch_statements_max)
})
