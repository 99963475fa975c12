/**
 * Which proofs of forks are kept, and what follows from them: whose they are, how many, in which order they came.
 */
import { expect, test } from 'vitest'
import { emptyChain } from '../../crdt/chain.ts'
import { chainId, eventsRoot, sealCommit, type Commit } from '../../crdt/commit.ts'
import { encodeEvent, type Event } from '../../crdt/event.ts'
import { makeForkProof } from '../../crdt/fork.ts'
import { sha256 } from '../../crdt/hash.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import {
  bytesToHex,
  incarnation,
  type AgentId,
  type CommitHash,
  type EventId,
  type MeshId,
  type Namespace,
  type PeerId,
} from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { openMemoryStore, memoryDisk } from '../store/memory.ts'
import { createRandom } from '../testing/random.ts'
import { createForks, type Forks } from './forks.ts'

const keysOf = (name: string): KeyPair => keyPairFromSeed(sha256(`mnemesh/forks.test/${name}`))
const peerOf = (name: string): PeerId => publicKeyHex(keysOf(name)) as PeerId
const mesh = publicKeyHex(keysOf('authority')) as MeshId
const ns = 'team/api' as Namespace
const MAX = limits.forks_per_peer_max

/** A proof that `name` wrote two first commits of its n-th chain. */
const forkOf = (name: string, n: number): Uint8Array => {
  const [keys, peer, inc] = [keysOf(name), peerOf(name), incarnation(n, 0)]
  const state = emptyChain(chainId(peer, inc, ns), peer, inc, ns)
  const side = (version: number): Commit => {
    const event: Event = {
      v: 1,
      id: `00000000-0000-4000-8000-${version.toString(16).padStart(12, '0')}` as EventId,
      ns,
      agent: 'ai:liar' as AgentId,
      at: '2026-01-01T00:00:00.000Z',
      kind: 'episode.append',
      event_type: 'lied',
    }
    const events = [{ bytes: encodeEvent(event), event, attestation: null }]
    return sealCommit(
      {
        mesh,
        namespace: ns,
        peer,
        incarnation: inc,
        seq: 1,
        prev: state.hash,
        history: bytesToHex(historyRoot(state.history)),
        hlc: 1_024 as Hlc,
        policy: bytesToHex(sha256('policy')) as CommitHash,
        segment: null,
        deps: [],
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        changeHash: null,
      },
      events,
      keys,
    )
  }
  return makeForkProof(1, { before: [], commits: [side(1)] }, { before: [], commits: [side(2)] })!
}
const chainOf = (name: string, n: number) => chainId(peerOf(name), incarnation(n, 0), ns)

const random = createRandom(5)
const open = (members: ReadonlySet<PeerId>, disk = memoryDisk()) => {
  const store = openMemoryStore({ random, disk })
  const forks = createForks({ mesh, store, commits: { at: () => null }, wasWriter: (peer) => members.has(peer) })
  return { store, disk, forks }
}
/** Flushes until nothing is left to write; answers how many facts, and the largest. */
const flush = async ({
  store,
  forks,
}: {
  readonly store: ReturnType<typeof openMemoryStore>
  readonly forks: Forks
}): Promise<{ facts: number; largest: number }> => {
  const seen = { facts: 0, largest: 0 }
  for (let facts = forks.takeFacts(); facts.length > 0; facts = forks.takeFacts()) {
    await store.write({ facts })
    forks.applied()
    seen.facts += facts.length
    for (const [, value] of facts) seen.largest = Math.max(seen.largest, value?.length ?? 0)
  }
  return seen
}

test('a proof of a key that was never enrolled is refused by name, kept by nobody, and hides no real one', async () => {
  const peer = open(new Set([peerOf('ann')]))
  const junk = Array.from({ length: 100 }, (_, n) => forkOf(`made up ${n}`, n))
  for (let n = 0; n < 3_000; n++) peer.forks.learn(junk[n % junk.length]!, peerOf('hostile'))
  expect((await flush(peer)).facts).toBe(0)
  expect(peer.forks.refused().get(peerOf('hostile'))).toEqual({ invalid: 0, unknown: 3_000 })
  expect(peer.forks.learn(forkOf('ann', 1), peerOf('hostile'))).toBe(true)
  await flush(peer)
  expect(peer.forks.isFrozen(peerOf('ann'))).toBe(true)
  expect(peer.forks.isFrozen(peerOf('made up 1'))).toBe(false)
})

test('a proof about somebody whom a shorter control log does not know counts as soon as it does', async () => {
  const members = new Set<PeerId>()
  const peer = open(members)
  expect(peer.forks.learn(forkOf('bob', 1), peerOf('ann'))).toBe(false)
  peer.forks.membersChanged()
  expect(peer.forks.takeFacts()).toEqual([])
  members.add(peerOf('bob'))
  peer.forks.membersChanged()
  await flush(peer)
  expect(peer.forks.at(chainOf('bob', 1), peerOf('bob'))).toBe(1)
})

test("one sender's junk leaves room for another's proof of somebody who is yet to be known", async () => {
  const members = new Set<PeerId>()
  const peer = open(members)
  for (let n = 0; n < 500; n++) peer.forks.learn(forkOf(`made up ${n}`, 1), peerOf('hostile'))
  peer.forks.learn(forkOf('bob', 1), peerOf('ann'))
  members.add(peerOf('bob'))
  peer.forks.membersChanged()
  await flush(peer)
  expect(peer.forks.isFrozen(peerOf('bob'))).toBe(true)
})

test('of a chain the lowest place counts, and a proof with a broken signature none', async () => {
  const peer = open(new Set([peerOf('ann')]))
  const broken = forkOf('ann', 1)
  broken[broken.length - 4]! ^= 1
  expect(peer.forks.learn(broken, peerOf('bob'))).toBe(false)
  expect(peer.forks.refused().get(peerOf('bob'))).toEqual({ invalid: 1, unknown: 0 })
  expect(peer.forks.learn(forkOf('ann', 1), null)).toBe(true)
  expect(peer.forks.learn(forkOf('ann', 1), null)).toBe(false)
})

test('the same follows from too many forks of one member, whichever came and in whatever order; no fact grows past its bound', async () => {
  const members = new Set(['ann', 'bob'].map(peerOf))
  const proofs = Array.from({ length: MAX + 44 }, (_, n) => forkOf('ann', n + 1))
  const first = open(members)
  const second = open(members)
  for (const proof of proofs) first.forks.learn(proof, peerOf('bob'))
  for (const proof of proofs.toReversed()) second.forks.learn(proof, peerOf('bob'))
  for (const peer of [first, second]) {
    const { facts, largest } = await flush(peer)
    expect(facts).toBeLessThan(MAX + 8)
    expect(largest).toBeLessThan(limits.fork_proof_bytes_max)
    expect(peer.forks.all()).toHaveLength(MAX + 1)
    expect(peer.forks.isOut(peerOf('ann'))).toBe(true)
    // Also of chains that it knows no proof for, forked or not.
    for (const n of [1, MAX + 44, 9_999]) expect(peer.forks.at(chainOf('ann', n), peerOf('ann'))).toBe(1)
    expect(peer.forks.at(chainOf('bob', 1), peerOf('bob'))).toBe(Number.POSITIVE_INFINITY)
  }
  const again = open(members, first.disk)
  again.forks.restore()
  expect(again.forks.isOut(peerOf('ann'))).toBe(true)
  expect(
    again.forks
      .all()
      .map(({ chain }) => chain)
      .sort(),
  ).toEqual(
    first.forks
      .all()
      .map(({ chain }) => chain)
      .sort(),
  )
})

test("one fork fewer leaves the rest of the member's work", async () => {
  const peer = open(new Set([peerOf('ann')]))
  for (let n = 1; n <= MAX; n++) peer.forks.learn(forkOf('ann', n), null)
  await flush(peer)
  expect(peer.forks.isOut(peerOf('ann'))).toBe(false)
  expect(peer.forks.at(chainOf('ann', 9_999), peerOf('ann'))).toBe(Number.POSITIVE_INFINITY)
})

test('forks of many members are read back from their pages, also past one that is damaged', async () => {
  const names = Array.from({ length: 300 }, (_, n) => `member ${n}`)
  const peer = open(new Set(names.map(peerOf)))
  for (const name of names) peer.forks.learn(forkOf(name, 1), null)
  expect((await flush(peer)).largest).toBeLessThan(limits.store_fact_bytes_max)
  const again = open(new Set(), peer.disk)
  again.forks.restore()
  expect(again.forks.all()).toHaveLength(names.length)
  const page = peer.disk.factByName.get('forks/0')!
  peer.disk.factByName.set('forks/0', { ...page, value: page.value.map((byte) => byte + 1) })
  const rest = open(new Set(), peer.disk)
  rest.forks.restore()
  expect(rest.forks.all()).toHaveLength(names.length - 256)
})

test('what a disk refused is written again, with its lists', async () => {
  const peer = open(new Set([peerOf('ann')]))
  peer.forks.learn(forkOf('ann', 1), null)
  expect(peer.forks.takeFacts().length).toBeGreaterThan(0)
  peer.forks.failed()
  expect(peer.forks.takeFacts()).toEqual([])
  peer.forks.retry()
  await flush(peer)
  const again = open(new Set(), peer.disk)
  again.forks.restore()
  expect(again.forks.isFrozen(peerOf('ann'))).toBe(true)
})
