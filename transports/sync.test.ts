/** Anti-entropy, end to end over the network in memory: what PROTOCOL AE, LIVE and ACK promise. */
import { unpack } from '../crdt/msgpack.ts'
import { createSendCredit } from './credit.ts'
import { TAGS } from './messages.ts'
import { createPositions } from './positions.ts'
import { createServe } from './serve.ts'
import { afterEach, expect, test } from 'vitest'
import { signAck } from '../crdt/ack.ts'
import { ZERO_HASH, type CommitHash } from '../crdt/ids.ts'
import { keysOf, meshIdOfTests, peerOf } from './test-host.ts'
import { createTestWorld, type TestPeer, type TestWorld } from './test-world.ts'

const peers: TestPeer[] = []
const add = (world: TestWorld, name: string, dials: readonly string[] = [], flushMs?: number): TestPeer => {
  const peer = world.add(name, dials, flushMs)
  peers.push(peer)
  return peer
}
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.mesh.stop()
})
/** The three handshake frames come before what the promises are about. */
const HANDSHAKE_BYTES = 168 + 168 + 66
const up = (peer: TestPeer): number => peer.mesh.links().filter((link) => link.state === 'up').length
/** All of them have written or taken in `commits` of other than control commits, the same ones. */
const all = (commits: number, ...of: readonly TestPeer[]): boolean =>
  of.every(
    (peer) => peer.commits() - peer.seqOf(peer.host.controlChain) === commits && peer.digest() === of[0]!.digest(),
  )
const bytes = (...of: readonly TestPeer[]): number =>
  of.reduce((sum, peer) => sum + (peer.mesh.counters()['bytes_out'] ?? 0), 0)

test('AE1 two peers in step find so in one round trip of under 200 bytes, however much they hold', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  a.author(500)
  expect(world.time.runUntil(() => all(500, a, b) && up(a) === 1, 5_000)).toBe(true)
  world.time.advance(30_000)
  world.network.sever(a.url, b.url)
  const before = bytes(a, b)
  expect(world.time.runUntil(() => up(a) === 1 && up(b) === 1 && a.mesh.counters()['handshakes'] === 2, 5_000)).toBe(
    true,
  )
  // Before the first probe of an idle link.
  world.time.advance(500)
  expect(bytes(a, b) - before - HANDSHAKE_BYTES).toBeLessThan(200)
})

test('LIVE1 a fresh commit reaches every peer by push, once, and each acknowledges it', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['a', 'b'])]
  expect(world.time.runUntil(() => up(a) === 2 && up(b) === 2 && up(c) === 2, 5_000)).toBe(true)
  const before = world.time.now()
  a.author(3)
  expect(world.time.runUntil(() => all(3, a, b, c), 1_000)).toBe(true)
  expect(world.time.now() - before).toBeLessThanOrEqual(3)
  world.time.advance(1_000)
  expect(new Set(a.acks.map(({ from }) => from)).size).toBe(2)
  expect([b.received(), c.received()]).toEqual([3, 3])
})

test('ACK4 an ack for one peer goes to nobody else', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['a', 'b'])]
  expect(world.time.runUntil(() => up(a) === 2 && up(b) === 2 && up(c) === 2, 5_000)).toBe(true)
  const told = (): readonly number[] => [b, c].map(({ acks }) => acks.length)
  const before = told()
  const ack = signAck(
    {
      mesh: meshIdOfTests,
      voter: peerOf('a'),
      watermarks: [{ chain: a.chain, seq: 1, hash: ZERO_HASH as CommitHash, whole: true }],
    },
    keysOf('a'),
  )
  a.mesh.announce(ack, peerOf('c'))
  world.time.advance(100)
  expect(told()).toEqual([before[0], before[1]! + 1])
  a.mesh.announce(ack, null)
  world.time.advance(100)
  expect(told()).toEqual([before[0]! + 1, before[1]! + 2])
})

test('ACK3 in a partial mesh A–B–C a commit is passed on, 50 ms after C could have had it from A', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['b'])]
  expect(world.time.runUntil(() => up(b) === 2, 5_000)).toBe(true)
  a.author(2)
  expect(world.time.runUntil(() => all(2, a, b, c), 100)).toBe(true)
  expect(c.received()).toBe(2)
})

test('AE2 a peer that was away gets what it missed, for at most 1.02 × the missing bytes + 256', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  a.author(200)
  expect(world.time.runUntil(() => all(200, a, b) && up(a) === 1, 5_000)).toBe(true)
  world.time.advance(30_000)
  world.network.cut(a.url, b.url)
  world.network.sever(a.url, b.url)
  a.author(1_000, 400, 300)
  world.time.advance(10_000)
  const missing = b.missingBytes(a)
  const before = bytes(a, b)
  world.network.heal()
  expect(world.time.runUntil(() => all(1_200, a, b), 60_000)).toBe(true)
  const sent = bytes(a, b) - before - HANDSHAKE_BYTES
  expect(sent).toBeLessThan(1.02 * missing + 256)
})

test.each([
  ['AE4 a peer that holds something, without a cursor, compares frontiers and wants the difference', 300, 2],
  ['AE5 when the difference is large it reads the log from its beginning', 3_000, 3],
])('%s', (_name, commits, sinces) => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  a.author(commits)
  world.time.advance(10)
  const b = add(world, 'b', ['a'])
  b.author(5)
  expect(world.time.runUntil(() => all(commits + 5, a, b), 10_000)).toBe(true)
  expect(b.mesh.counters()['sent_frontier_ask']).toBe(1)
  expect(b.mesh.counters()['sent_since']).toBeLessThanOrEqual(sinces)
  expect(b.received()).toBe(commits)
})

test('AE7 a joining peer gets each commit once, not from everybody', () => {
  const names = ['a', 'b', 'c', 'd']
  const world = createTestWorld([...names, 'e'])
  const old = names.map((name, n) => add(world, name, names.slice(0, n)))
  expect(world.time.runUntil(() => old.every((peer) => up(peer) === 3), 5_000)).toBe(true)
  for (const peer of old) peer.author(700)
  expect(world.time.runUntil(() => all(2_800, ...old), 10_000)).toBe(true)
  const e = add(world, 'e', names)
  expect(world.time.runUntil(() => all(2_800, ...old, e), 20_000)).toBe(true)
  expect(e.received()).toBeLessThan(1.05 * 2_800)
})

test('AE8 what a neighbour does not deliver is asked for elsewhere', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1, 5_000)).toBe(true)
  a.author(100)
  expect(world.time.runUntil(() => all(100, a, b), 5_000)).toBe(true)
  // The first neighbour that C wants something of never hears it.
  let mutedAtMs = 0
  const c = add(world, 'c', ['a', 'b'])
  world.network.tap((from, to) => {
    if (from !== c.url || mutedAtMs > 0 || c.mesh.counters()['sent_want'] !== 1) return
    mutedAtMs = world.time.now()
    world.network.halfOpen(from, to)
  })
  expect(world.time.runUntil(() => all(100, a, b, c), 20_000)).toBe(true)
  expect(mutedAtMs).toBeGreaterThan(0)
  expect(world.time.now() - mutedAtMs).toBeGreaterThan(4_900)
  expect(world.time.now() - mutedAtMs).toBeLessThan(6_000)
  expect(c.mesh.counters()['fetches_stalled']).toBe(1)
})

test('LIVE3 pushes that were skipped arrive with no new writes', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1 && up(b) === 1, 5_000)).toBe(true)
  // B does not hear A: A's buffer fills, pushes are skipped, memory stays bounded.
  world.network.halfOpen(a.url, b.url)
  for (let n = 0; n < 100; n++) {
    a.author(10, 4_000)
    world.time.advance(20)
  }
  expect(a.mesh.counters()['pushes_skipped']).toBeGreaterThan(0)
  expect(a.mesh.links()[0]!.buffered_bytes).toBeLessThan(2 * 1024 * 1024)
  world.network.heal()
  expect(world.time.runUntil(() => all(1_000, a, b), 10_000)).toBe(true)
})

test('SE3 lost frames break the seal; the link comes again and everything is there, with no new writes', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1 && up(b) === 1, 5_000)).toBe(true)
  world.network.drop(a.url, b.url, 3)
  for (let n = 0; n < 10; n++) a.author(1)
  expect(world.time.runUntil(() => all(10, a, b), 5_000)).toBe(true)
  expect(b.mesh.counters()['closed_seal_broken']).toBe(1)
})

test('AE6 the cursor never passes what failed to apply: the rest is not held up, and it arrives later', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1, 5_000)).toBe(true)
  for (let n = 0; n < 10; n++) {
    a.author(10)
    b.author(10)
  }
  expect(world.time.runUntil(() => all(200, a, b), 5_000)).toBe(true)
  let broken = true
  const c = add(world, 'c', ['a'])
  c.refuse = (chain, seq) => broken && chain === a.chain && seq === 50
  world.time.advance(3_000)
  expect([c.seqOf(a.chain), c.seqOf(b.chain)]).toEqual([49, 100])
  expect(c.host.cursorInto(a.host.peer)).toBeNull()
  broken = false
  expect(world.time.runUntil(() => all(200, a, b, c), 30_000)).toBe(true)
  expect(world.time.runUntil(() => c.host.cursorInto(a.host.peer)?.cursor === a.commits(), 20_000)).toBe(true)
})

test('AE11 holes and missing bodies are fetched from whoever has them', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['a', 'b'])]
  expect(world.time.runUntil(() => up(a) === 2 && up(b) === 2, 5_000)).toBe(true)
  a.author(10, 50, 200)
  expect(world.time.runUntil(() => all(10, a, b, c), 1_000)).toBe(true)
  const ref = a.bodyRefs()[3]!
  a.loseBody(ref)
  c.loseBody(ref)
  c.damage(a.chain, 4)
  a.damage(a.chain, 4)
  expect(world.time.runUntil(() => c.host.missingBodies(9).length === 0 && c.host.holes().length === 0, 20_000)).toBe(
    true,
  )
  expect(world.time.runUntil(() => a.host.missingBodies(9).length === 0 && a.host.holes().length === 0, 20_000)).toBe(
    true,
  )
})

test('AE16 what a policy let go is told apart, and nobody is waited for in vain when no other has it', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['a', 'b'])]
  expect(world.time.runUntil(() => up(a) === 2 && up(b) === 2, 5_000)).toBe(true)
  a.author(10, 50, 200)
  expect(world.time.runUntil(() => all(10, a, b, c), 1_000)).toBe(true)
  const [kept, gone, lost] = a.bodyRefs()
  // One of three has the first still; of the second one says that it let it go, and nobody has it; the third is lost everywhere.
  b.dropBody(kept!)
  c.loseBody(kept!)
  a.dropBody(gone!)
  for (const host of [b, c]) host.loseBody(gone!)
  for (const host of [a, b, c]) host.loseBody(lost!)
  expect(world.time.runUntil(() => c.gone.includes(gone!) && b.gone.includes(gone!), 20_000)).toBe(true)
  expect(world.time.runUntil(() => !c.host.missingBodies(9).includes(kept!), 20_000)).toBe(true)
  world.time.advance(20_000)
  expect([...new Set([...a.gone, ...b.gone, ...c.gone])]).toEqual([gone])
})

test('AE16 a side that does not take the frame hears that the body is not there', () => {
  const world = createTestWorld(['a'], 0)
  const a = world.add('a')
  a.author(2, 50, 200)
  world.time.advance(50)
  const [gone] = a.bodyRefs()
  a.dropBody(gone!)
  const answers = (tellsDropped: boolean): readonly unknown[] => {
    const sent: unknown[] = []
    createServe({
      host: a.host,
      credit: createSendCredit(),
      positions: createPositions(a.host),
      compression: null,
      isOpen: () => true,
      tellsDropped,
      bufferedBytes: () => 0,
      digest: () => new Uint8Array(16),
      digestKey: new Uint8Array(32),
      transmit: (content) => sent.push((unpack(content) as unknown[])[0]),
      charge: () => {},
      served: () => {},
      count: () => {},
    }).wantBodies([gone!])
    return sent
  }
  expect([answers(false), answers(true)]).toEqual([[TAGS.absent_bodies], [TAGS.dropped_bodies]])
})

test('CR2 large texts arrive within credit', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  a.author(200, 1_000, 60_000)
  const b = add(world, 'b', ['a'], 500)
  expect(world.time.runUntil(() => all(200, a, b) && b.host.missingBodies(1).length === 0, 60_000)).toBe(true)
  expect(b.host.missingBodies(1)).toEqual([])
  expect(a.mesh.counters()['closed_by_peer_credit_overrun']).toBeUndefined()
})
