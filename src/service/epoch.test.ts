/** The end of a fork of the control log: recovery keys begin an epoch, every member follows it, nothing that was acknowledged is lost, and of two that begin one the same wins everywhere. */
import { afterEach, expect, test } from 'vitest'
import { withVotes, type Commit } from '../../crdt/commit.ts'
import { activeMembers, authorityAt, sealControl } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import { tick, type Hlc } from '../../crdt/hlc.ts'
import { CONTROL_NAMESPACE, parseAgentId, parseNamespace, type PeerId, type PublicKey } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { cutting, said } from '../../crdt/test-support.ts'
import { signRecovery, signVote } from '../../crdt/vote.ts'
import { readControlLog } from '../membership/control-log.ts'
import { knownLines, lineAt, saidBehind } from '../membership/known-lines.ts'
import { recovery as recoveryStatement } from '../membership/statements.ts'
import { branchFact, branchList, branchPlaces } from '../replica/branch-facts.ts'
import { controlChain } from '../replica/control-places.ts'
import { StoreFailure } from '../ports/store.ts'
import { openMemoryStore } from '../store/memory.ts'
import { createWorld, type World } from '../testing/world.ts'

const ns = parseNamespace('n')!
const agent = parseAgentId('agent')!
const RECOVERY_KEYS = ['one', 'two', 'three'].map((name) => keyPairFromSeed(sha256(name)))
const keys = RECOVERY_KEYS.map((pair) => publicKeyHex(pair) as PublicKey)
const [NEXT, OTHER] = ['who governs next', 'who would'].map((name) => keyPairFromSeed(sha256(name))) as [
  KeyPair,
  KeyPair,
]
const ALL = [0, 1, 2, 3]

let world: World
afterEach(() => world.stopAll())

const control = (peer: number) => world.peer(peer).replica.index.control
const forks = (peer: number) => world.peer(peer).replica.branches.forks()
const idOf = (peer: number): PeerId => publicKeyHex(world.keys[peer]!) as PeerId
const names = (peer: number): string =>
  activeMembers(control(peer))
    .map(({ name }) => name)
    .toSorted()
    .join()
const enrolling = (name: string, byte: number): ControlEvent => ({
  ...said('peer.enrol', byte, CONTROL_NAMESPACE),
  peer: publicKeyHex(keyPairFromSeed(sha256(name))) as PeerId,
  name,
  role: 'observer',
})
/** The next statement behind what `at` holds, certified by these. */
const say = (at: number, byte: number, events: readonly ControlEvent[], voters: readonly number[]): void => {
  const { index } = world.peer(at).replica
  const chain = index.chains.get(controlChain(index))!
  const bare = sealControl(chain, events, (chain.hlc + byte) as Hlc, world.authority)
  const { bytes } = withVotes(
    bare,
    voters.map((voter) => signVote(bare, world.keys[voter]!)),
  )
  world.peer(at).shell.feed({ kind: 'statements', from: idOf(0), commits: [bytes], delivery: -1 })
}
const store = async (peer: number, content: string): Promise<string> => {
  const stored = await world.run(world.peer(peer).node.remember(ns, { content }, { agent, quorum: 1 }))
  return stored!.id
}
/** What `mesh recover` puts into the folder of a stopped peer, where it takes the place of statements. */
const recover = async (peer: number, authority: KeyPair, ms = 0): Promise<Commit> => {
  const disk = openMemoryStore({ random: world.random, disk: world.disks[peer]! })
  const saying = { clock: { now: () => world.time.now() + ms }, random: world.random }
  const log = readControlLog(control(peer === 0 ? 1 : 0).mesh, disk)
  const { common, epoch } = knownLines(disk, log)
  const line = lineAt(log, common)
  const bare = sealControl(
    line.chain,
    [recoveryStatement(saying, authority), ...saidBehind(log, common).flat()],
    tick(log.chain.hlc, saying.clock.now()),
    authority,
    epoch + 1,
  )
  const commit = withVotes(
    bare,
    RECOVERY_KEYS.slice(1).map((key) => signRecovery(bare, key)),
  )
  const places = [...branchPlaces(disk), [commit.hash, line.chain.seq] as const]
  await disk.write({ facts: [branchFact(commit), branchList(places)] })
  await disk.close()
  world.authorities[peer] = authority
  return commit
}
/** Two lines of different length, and a commit under each; peer 3 meets peer 0 alone. */
const forked = async (
  seed: number,
  flush: (peer: number) => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> => {
  world = await createWorld({ peers: 4, seed, recovery: { threshold: 2, keys }, flush })
  await world.agree()
  world.partition([0, 1, 3], [2])
  say(0, 0x51, [enrolling('ours', 0x51)], [0, 1, 3])
  say(2, 0x52, [enrolling('theirs', 0x52)], [1, 2, 3])
  await world.run(() => ALL.every((peer) => control(peer).seq === 2))
  say(2, 0x53, [cutting('peer.revoke', 0x53, idOf(3), {})[0] as ControlEvent], [1, 2, 3])
  await world.run(() => control(2).seq === 3)
  return [await store(0, 'written on our line'), await store(2, 'written on theirs')]
}

test('CL9 CL10 a fork ends: all follow the epoch, hold the same, are governed by the key that it names, and show what was written on both lines', async () => {
  const ids = await forked(41)
  world.network.heal()
  await world.run(() => ALL.every((peer) => forks(peer).length === 1))
  await world.stop(1)
  const { hash } = await recover(1, NEXT)
  await world.start(1)
  await world.run(() => ALL.every((peer) => control(peer).head === hash))
  await world.agree()
  for (const peer of ALL) {
    expect([peer, names(peer), forks(peer), control(peer).seq]).toEqual([peer, names(0), [], 2])
    expect(names(peer)).toMatch(/ours/)
    expect((await world.peer(peer).node.health()).reasons.filter((reason) => /control_forked/.test(reason))).toEqual([])
    for (const id of ids) expect(await world.run(world.peer(peer).node.get(id as never, {}))).toBeTruthy()
    expect(authorityAt(control(peer), control(peer).seq)).toBe(publicKeyHex(NEXT))
    // What was left stays as the evidence.
    expect(world.peer(peer).replica.branches.tips().length).toBe(2)
  }
  // Governable: the key that the epoch names proposes, the voters countersign.
  const chain = world.peer(1).replica.index.chains.get(controlChain(world.peer(1).replica.index))!
  expect([chain.seq, chain.hash]).toEqual([2, hash])
  world
    .peer(1)
    .shell.feed({ kind: 'control', id: -77, events: [enrolling('later', 0x61)], deadlineMs: world.time.now() + 30_000 })
  await world.run(() => ALL.every((peer) => control(peer).seq === 3))
  const after = await store(3, 'goes on')
  await world.agree()
  // A restart reads the same, and every commit of it verifies.
  for (const peer of ALL) {
    await world.stop(peer)
    await world.start(peer)
    expect([names(peer), control(peer).seq, forks(peer)]).toEqual([names(0), 3, []])
    expect(await world.run(world.peer(peer).node.verify())).toMatchObject({ ok: true, problems: [] })
  }
  for (const id of [...ids, after]) expect(await world.run(world.peer(2).node.get(id as never, {}))).toBeTruthy()
  await world.agree()
})

test('CL9 two recoveries at once: all end on the line of the lower hash, whoever began it', async () => {
  await forked(42)
  world.network.heal()
  await world.run(() => ALL.every((peer) => forks(peer).length === 1))
  world.partition([0, 1, 3], [2])
  for (const peer of [1, 2]) await world.stop(peer)
  const made = [await recover(1, NEXT, 1), await recover(2, OTHER, 2)]
  for (const peer of [1, 2]) await world.start(peer)
  await world.run(() => [0, 1, 3].every((peer) => control(peer).head === made[0]!.hash))
  await world.run(() => control(2).head === made[1]!.hash)
  await store(2, 'written in an epoch that loses, or wins')
  world.network.heal()
  const [wins] = made.map(({ hash }) => hash).toSorted()
  await world.run(() => ALL.every((peer) => control(peer).head === wins))
  await world.agree()
  expect(ALL.map(forks)).toEqual([[], [], [], []])
  // A third outranks both.
  await world.stop(0)
  const last = await recover(0, NEXT, 3)
  await world.start(0)
  await world.run(() => ALL.every((peer) => control(peer).head === last.hash))
  await world.agree()
})

test('a disk that refuses the epoch is asked again, and who was stopped meanwhile hears of it', async () => {
  let refusing = 0
  await forked(43, async (peer) => {
    if (peer === 2 && refusing > 0 && refusing-- > 0) throw new StoreFailure('disk_full', 'no room')
  })
  world.network.heal()
  await world.run(() => ALL.every((peer) => forks(peer).length === 1))
  await world.stop(3)
  await world.stop(1)
  const { hash } = await recover(1, NEXT)
  refusing = 2
  await world.start(1)
  await world.run(() => [0, 1, 2].every((peer) => control(peer).head === hash))
  expect(refusing).toBe(0)
  await world.start(3)
  await world.run(() => control(3).head === hash)
  await world.agree()
})
