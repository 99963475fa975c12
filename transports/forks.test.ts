/** Forks on the wire: what PROTOCOL FK promises, over the network in memory. */
import { afterEach, expect, test } from 'vitest'
import { signAck } from '../crdt/ack.ts'
import { sha256, sha256Hex } from '../crdt/hash.ts'
import { bytesToHex, ZERO_HASH, type ChainId, type CommitHash } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes, pack } from '../crdt/msgpack.ts'
import { decode } from './decode.ts'
import { forkFrames } from './forks.ts'
import type { Parcel, Run } from './host.ts'
import type { Message } from './messages.ts'
import { branchOf, chainOfPeer, keysOf, meshIdOfTests, peerOf, type TestHost } from './test-host.ts'
import { createTestWorld, dialRaw, type RawPeer, type TestPeer, type TestWorld } from './test-world.ts'

const peers: TestPeer[] = []
const add = (world: TestWorld, name: string, dials: readonly string[] = []): TestPeer => {
  const peer = world.add(name, dials)
  peers.push(peer)
  return peer
}
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.mesh.stop()
})

const up = (peer: TestPeer): number => peer.mesh.links().filter((link) => link.state === 'up').length
const counter = (peer: TestPeer, name: string): number => peer.mesh.counters()[name] ?? 0
const framesOf = (...of: readonly TestPeer[]): number => of.reduce((sum, peer) => sum + counter(peer, 'frames_out'), 0)
/** Closings that name a violation; what a test does to the network itself is none. */
const closings = (peer: TestPeer): readonly string[] => Object.keys(peer.mesh.counters()).filter((name) => name.startsWith('closed_') && !/(lost|silence|ping_timeout|seal_broken|duplicate|handshake_timeout)$/.test(name))

/** The forked chain: of a member that never runs here. */
const CHAIN = chainOfPeer(peerOf('f'))
const give = (peer: TestHost, parcels: readonly Parcel[]): void => peer.host.receive(peerOf('f'), parcels, () => {})
/** Two histories that part behind `common` commits; `at` is the first place where they differ. */
const fork = (common: number, ofX: number, ofY: number): { readonly x: readonly Parcel[]; readonly y: readonly Parcel[]; readonly at: number; readonly proof: Uint8Array } => {
  const before = branchOf(CHAIN, 'common', [], common)
  const [x, y] = [branchOf(CHAIN, 'x', before, ofX), branchOf(CHAIN, 'y', before, ofY)]
  return { x, y, at: common + 1, proof: pack([x[common]!.bytes, y[common]!.bytes]) }
}
const ended = (at: number, ...of: readonly TestPeer[]): boolean => of.every((peer) => peer.host.forkAt(CHAIN) === at && peer.seqOf(CHAIN) === at - 1 && peer.digest() === of[0]!.digest())

const heardBy = (raw: RawPeer): readonly Message[] => raw.frames.map((frame) => decode(frame, null)).flatMap((read) => (read.ok ? [read.message] : []))
const dial = (world: TestWorld, name: string, peer: TestPeer): RawPeer => {
  const raw = dialRaw(world, name, peer.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: peer.seqOf(peer.host.controlChain) })
  return raw
}
const openRaw = (world: TestWorld, name: string, peer: TestPeer): RawPeer => {
  const raw = dial(world, name, peer)
  raw.say({ type: 'open', epoch: '00', arrivals: 9, digest: new Uint8Array(16), addresses: new Uint8Array(8) })
  expect(world.time.runUntil(() => up(peer) === 1, 1_000)).toBe(true)
  return raw
}

test('FK1 when a link opens, proofs go out before anything is asked for or sent', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const a = add(world, 'a')
  const { x, at, proof } = fork(3, 5, 5)
  give(a, x)
  a.host.receiveForkProofs(peerOf('b'), [proof])
  a.author(3)
  world.time.advance(10)
  // What the host sends as soon as it hears of the link comes behind.
  a.host.linkUp = () => a.mesh.push(a.parcelsOf(a.chain, 1, 1))
  const raw = openRaw(world, 'b', a)
  raw.say({ type: 'frontier_ask', restart: true })
  expect(world.time.runUntil(() => heardBy(raw).some(({ type }) => type === 'frontier'), 1_000)).toBe(true)
  const heard = heardBy(raw)
  expect(heard.map(({ type }) => type)).toEqual(['control', 'open', 'forks', 'parcels', 'frontier_ask', 'frontier'])
  expect(heard.flatMap((message) => (message.type === 'forks' ? message.proofs : [])).map(bytesToHex)).toEqual([bytesToHex(proof)])
  const frontier = heard.find((message) => message.type === 'frontier')!
  expect(frontier.entries.find(({ chain }) => chain === CHAIN)).toEqual({ chain: CHAIN, seq: at - 1, hash: sha256Hex(x[at - 2]!.bytes) })
})

test('FK1 over a line of peers a proof is everywhere before the commits that come with it', () => {
  const world = createTestWorld(['a', 'b', 'c', 'd', 'f'])
  const a = add(world, 'a')
  const { x, at, proof } = fork(10, 20, 20)
  give(a, x)
  a.host.receiveForkProofs(peerOf('f'), [proof])
  a.author(50)
  world.time.advance(10)
  const others = ['b', 'c', 'd'].map((name, n) => {
    const peer = add(world, name, [['a', 'b', 'c'][n]!])
    const { receive } = peer.host
    peer.host.receive = (from, parcels, done) => {
      if (parcels.some(({ chain }) => chain !== peer.host.controlChain)) expect(peer.host.forkAt(CHAIN), name).toBe(at)
      receive(from, parcels, done)
    }
    return peer
  })
  expect(world.time.runUntil(() => ended(at, a, ...others), 5_000)).toBe(true)
  for (const peer of others) expect([peer.seqOf(a.chain), peer.commits() - 5]).toEqual([50, 50 + at - 1])
})

test('FK2 proofs come in frames below the limits, and a long list waits for its reader', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const proofs = Array.from({ length: 700 }, (_, n) => new Uint8Array(n % 3 === 0 ? limits.fork_proof_bytes_max : 200).fill(n % 256))
  a.host.forkProofs = () => proofs
  for (const frame of forkFrames(proofs)) {
    expect(frame.length).toBeLessThan(limits.parcel_frame_bytes_target + limits.fork_proof_bytes_max + 1_024)
    expect(decode(frame, null).ok).toBe(true)
  }
  const raw = dial(world, 'b', a)
  world.time.advance(100)
  world.network.halfOpen(a.url, 'ws://b.raw:7/mesh')
  raw.say({ type: 'open', epoch: '00', arrivals: 9, digest: new Uint8Array(16), addresses: new Uint8Array(8) })
  world.time.advance(5_000)
  expect(a.mesh.links()[0]!.buffered_bytes).toBeGreaterThan(limits.buffered_bytes_max)
  expect(a.mesh.links()[0]!.buffered_bytes).toBeLessThan(1.5 * limits.buffered_bytes_max)
  world.network.heal()
  const told = (): readonly Uint8Array[] => heardBy(raw).flatMap((message) => (message.type === 'forks' ? message.proofs : []))
  expect(world.time.runUntil(() => heardBy(raw).at(-1)?.type === 'since', 5_000)).toBe(true)
  expect(told().length).toBe(proofs.length)
  expect(told().every((proof, n) => equalBytes(proof, proofs[n]!))).toBe(true)
})

test('FK2 a frozen peer hears a long list to its end before it is closed', () => {
  const world = createTestWorld(['a', 'f'])
  const a = add(world, 'a')
  const { x, proof } = fork(2, 2, 2)
  give(a, x)
  a.host.receiveForkProofs(peerOf('b'), [proof])
  const proofs = Array.from({ length: 200 }, () => new Uint8Array(limits.fork_proof_bytes_max))
  a.host.forkProofs = () => proofs
  world.time.advance(10)
  const raw = dialRaw(world, 'f', a.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  world.network.halfOpen(a.url, 'ws://f.raw:7/mesh')
  raw.say({ type: 'control', seq: 2 })
  world.time.advance(5_000)
  expect(counter(a, 'closed_frozen')).toBe(0)
  world.network.heal()
  expect(world.time.runUntil(() => raw.closed() !== null, 1_000)).toBe(true)
  expect([raw.closed(), heardBy(raw).reduce((sum, message) => sum + (message.type === 'forks' ? message.proofs.length : 0), 0)]).toEqual(['frozen', 200])
})

test('FK3 a proof found in the middle of a mesh is told on at once, and each peer tells it once', () => {
  const world = createTestWorld(['a', 'b', 'c', 'd', 'e', 'f'])
  const all = ['a', 'b', 'c', 'd', 'e'].map((name, n) => add(world, name, n === 0 ? [] : [['a', 'b', 'c', 'd'][n - 1]!]))
  expect(world.time.runUntil(() => all.every((peer, n) => up(peer) === (n === 0 || n === 4 ? 1 : 2)), 5_000)).toBe(true)
  const { x, at, proof } = fork(5, 5, 5)
  give(all[0]!, x)
  expect(world.time.runUntil(() => all.every((peer) => peer.seqOf(CHAIN) === 10), 5_000)).toBe(true)
  const before = world.time.now()
  all[2]!.host.receiveForkProofs(peerOf('f'), [proof])
  expect(world.time.runUntil(() => ended(at, ...all), 1_000)).toBe(true)
  expect(world.time.now() - before).toBeLessThanOrEqual(2)
  world.time.advance(30_000)
  // Eight ways in a line of five.
  expect(all.reduce((sum, peer) => sum + counter(peer, 'forks_out'), 0)).toBe(8)
})

test('FK4 a stranger’s proofs are not looked at, and a flood of them closes a member’s link', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const stranger = dialRaw(world, 'stranger', a.url)
  expect(world.time.runUntil(stranger.authenticated, 1_000)).toBe(true)
  stranger.say({ type: 'forks', proofs: [new Uint8Array(9)] })
  world.time.advance(100)
  expect([stranger.closed(), a.proofsReceived()]).toEqual(['not_open', 0])
  const raw = openRaw(world, 'b', a)
  const frame: Message = { type: 'forks', proofs: Array.from({ length: limits.forks_per_frame_max }, () => new Uint8Array(1)) }
  for (let n = 0; n < limits.forks_per_interval_max / limits.forks_per_frame_max; n++) raw.say(frame)
  world.time.advance(1_000)
  expect([raw.closed(), a.proofsReceived()]).toEqual([null, limits.forks_per_interval_max])
  world.time.advance(limits.ping_every_ms)
  raw.say(frame)
  world.time.advance(10)
  expect(raw.closed()).toBeNull()
  for (let n = 0; n < limits.forks_per_interval_max / limits.forks_per_frame_max; n++) raw.say(frame)
  world.time.advance(1_000)
  expect(raw.closed()).toBe('fork_flood')
})

test('FK5 a peer whose fork is proven hears the proof, is cut, and does not come back', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const [a, b, f] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'f', ['a', 'b'])]
  expect(world.time.runUntil(() => [a, b, f].every((peer) => up(peer) === 2), 5_000)).toBe(true)
  const { x, proof } = fork(2, 2, 2)
  give(a, x)
  expect(world.time.runUntil(() => b.seqOf(CHAIN) === 4, 5_000)).toBe(true)
  a.host.receiveForkProofs(peerOf('b'), [proof])
  expect(world.time.runUntil(() => up(a) === 1 && up(b) === 1 && up(f) === 0, 1_000)).toBe(true)
  expect(f.host.forkAt(CHAIN)).toBe(3)
  expect([counter(a, 'closed_frozen'), counter(b, 'closed_frozen')]).toEqual([1, 1])
  const before = framesOf(a, b, f)
  world.time.advance(60_000)
  expect([up(a), up(b), up(f)]).toEqual([1, 1, 0])
  expect(f.mesh.links().map((link) => link.last_error?.split(':')[0])).toContain('frozen')
  expect(framesOf(a, b, f) - before).toBeLessThan(200)
})

test('FK5 a frozen peer that does not know it gets the control log and the proofs, and nothing else', () => {
  const world = createTestWorld(['a', 'f'])
  const a = add(world, 'a')
  const { x, proof } = fork(2, 2, 2)
  give(a, x)
  a.host.receiveForkProofs(peerOf('b'), [proof])
  world.time.advance(10)
  const raw = dialRaw(world, 'f', a.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: 0 })
  raw.say({ type: 'want', runs: [{ chain: a.host.controlChain, from: 1, count: 2 }] })
  world.time.advance(1_000)
  expect([raw.closed(), heardBy(raw).map(({ type }) => type)]).toEqual([null, ['control', 'parcels']])
  raw.say({ type: 'control', seq: 2 })
  world.time.advance(100)
  expect([raw.closed(), heardBy(raw).map(({ type }) => type)]).toEqual(['frozen', ['control', 'parcels', 'forks']])
})

test.each([
  ['of equal length', 100, 300, 300],
  ['of which one is longer: its commits do not follow ours', 100, 50, 200],
  ['of which one has only the place where they part', 30, 200, 1],
  ['that part at the very beginning', 0, 150, 170],
])('FK6 two histories %s meet: both peers find the proof, and end in step', (_name, common, ofX, ofY) => {
  const world = createTestWorld(['a', 'b', 'f'])
  const { x, y, at } = fork(common, ofX, ofY)
  const a = add(world, 'a')
  give(a, x)
  const b = add(world, 'b', ['a'])
  give(b, y)
  expect(world.time.runUntil(() => ended(at, a, b), 30_000)).toBe(true)
  a.author(5)
  world.time.advance(60_000)
  expect(ended(at, a, b) && b.seqOf(a.chain) === 5).toBe(true)
  expect([counter(a, 'chains_under_way'), counter(b, 'chains_under_way'), closings(a), closings(b)]).toEqual([0, 0, [], []])
})

test('FK6 heads that differ are noticed by the next ack, in a mesh that was in step', () => {
  const world = createTestWorld(['a', 'b', 'c', 'f'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['b'])]
  const { x, y, at } = fork(40, 1, 1)
  give(a, x.slice(0, 40))
  expect(world.time.runUntil(() => c.seqOf(CHAIN) === 40 && up(b) === 2, 5_000)).toBe(true)
  give(a, x.slice(40))
  give(c, y.slice(40))
  expect(world.time.runUntil(() => ended(at, a, b, c), 500)).toBe(true)
})

const wants = (raw: RawPeer): readonly Run[] => heardBy(raw).flatMap((message) => (message.type === 'want' ? message.runs : []))
const ackOf = (parcels: readonly Parcel[]): Message => {
  const { seq, bytes } = parcels.at(-1)!
  return { type: 'ack', ack: signAck({ mesh: meshIdOfTests, voter: peerOf('b'), watermarks: [{ chain: CHAIN, seq, hash: sha256Hex(bytes) as CommitHash, whole: true }] }, keysOf('b')) }
}

test('FK6 commits that do not follow ours lead to the one at our head, and no further than the proof', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const a = add(world, 'a')
  const { x, y, at } = fork(2, 1, 3)
  give(a, x)
  world.time.advance(10)
  const raw = openRaw(world, 'b', a)
  raw.say(ackOf(y))
  world.time.advance(100)
  raw.say({ type: 'parcels', chain: CHAIN, parcels: y.slice(3) })
  world.time.advance(10)
  expect(wants(raw)).toEqual([{ chain: CHAIN, from: 4, count: 2 }, { chain: CHAIN, from: 3, count: 1 }])
  raw.say({ type: 'parcels', chain: CHAIN, parcels: y.slice(2, 3) })
  world.time.advance(10_000)
  expect([a.host.forkAt(CHAIN), wants(raw).length, counter(a, 'chains_under_way')]).toEqual([at, 2, 0])
})

test('FK6 a search that finds nothing holds up nothing else of the chain', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const a = add(world, 'a')
  const { x, y } = fork(2, 3, 1)
  give(a, x.slice(0, 3))
  world.time.advance(10)
  const raw = openRaw(world, 'b', a)
  raw.say(ackOf(y))
  world.time.advance(10)
  raw.say({ type: 'absent', chain: CHAIN, from: 1 })
  raw.say(ackOf(x))
  world.time.advance(100)
  expect(wants(raw)).toEqual([{ chain: CHAIN, from: 1, count: 3 }, { chain: CHAIN, from: 4, count: 2 }])
})

test('FK7 a host that proves any differing place is led down to the one where the histories part', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const { x, y, at } = fork(10, 700, 900)
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  a.provesAnyPlace = true
  b.provesAnyPlace = true
  give(a, x)
  give(b, y)
  expect(world.time.runUntil(() => ended(at, a, b), 60_000)).toBe(true)
  // By doubling: 64, 128, 256, 512 before the head of the shorter one, and some twice.
  expect(a.received() - x.length + b.received() - y.length).toBeLessThan(5_000)
})

test('FK8 where no proof can be made, nobody is asked without end, and no link is closed', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const { x, y } = fork(10, 300, 400)
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  for (const peer of [a, b]) peer.refuse = (chain, seq) => chain === CHAIN && peer.seqOf(CHAIN) >= seq
  give(a, x)
  give(b, y)
  world.time.advance(60_000)
  const [frames, commits] = [framesOf(a, b), a.received() + b.received()]
  world.time.advance(60_000)
  expect([up(a), up(b), closings(a), closings(b)]).toEqual([1, 1, [], []])
  expect(framesOf(a, b) - frames).toBeLessThan(100)
  // What follows another commit than ours is offered again ever more rarely (AE10), and no search begins anew (FK7).
  expect(a.received() + b.received() - commits).toBeLessThan(300)
})

test('FK8 while only one side takes a proof, the other goes on by its own log', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  const { x, proof } = fork(10, 30, 30)
  b.host.receiveForkProofs = () => {}
  give(a, x)
  expect(world.time.runUntil(() => b.seqOf(CHAIN) === 40, 5_000)).toBe(true)
  a.host.receiveForkProofs(peerOf('f'), [proof])
  world.time.advance(1_000)
  const frames = framesOf(a, b)
  world.time.advance(60_000)
  expect([a.seqOf(CHAIN), b.seqOf(CHAIN), up(a), up(b), closings(a), closings(b)]).toEqual([10, 40, 1, 1, [], []])
  expect(framesOf(a, b) - frames).toBeLessThan(100)
  a.author(3)
  b.author(4)
  expect(world.time.runUntil(() => a.seqOf(b.chain) === 4 && b.seqOf(a.chain) === 3, 1_000)).toBe(true)
})

test('FK9 a proof that comes in the middle of a catch-up ends it at the fork, and the rest arrives', () => {
  const world = createTestWorld(['a', 'b', 'c', 'f'])
  const { x, at, proof } = fork(200, 3_000, 1)
  const a = add(world, 'a')
  give(a, x)
  a.author(100)
  world.time.advance(10)
  const c = add(world, 'c', ['a'])
  // Behind the fork nothing is taken in: all of it is under way when the proof comes.
  c.refuse = (chain, seq) => chain === CHAIN && seq > 150
  expect(world.time.runUntil(() => c.seqOf(CHAIN) === 150, 5_000)).toBe(true)
  c.refuse = () => false
  c.host.receiveForkProofs(peerOf('b'), [proof])
  expect(world.time.runUntil(() => ended(at, a, c) && c.seqOf(a.chain) === 100, 30_000)).toBe(true)
  world.time.advance(10_000)
  expect([counter(a, 'chains_under_way'), counter(c, 'chains_under_way')]).toEqual([0, 0])
  const [frames, received] = [framesOf(a, c), c.received()]
  world.time.advance(60_000)
  // Pings and pongs, six each way and side, and a page of the log now and then.
  expect(framesOf(a, c) - frames).toBeLessThan(40)
  expect(c.received()).toBe(received)
  expect(c.host.cursorInto(a.host.peer)?.cursor).toBe(a.commits())
})

test('FK9 whoever says that he has more of a forked chain is asked for what lies before its end, once', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const a = add(world, 'a')
  const { x, at, proof } = fork(7, 5_000, 1)
  give(a, x.slice(0, 3))
  a.host.receiveForkProofs(peerOf('f'), [proof])
  world.time.advance(10)
  const raw = openRaw(world, 'b', a)
  // More than makes it read the whole log (AE5), did it count.
  raw.say({ type: 'frontier', entries: [{ chain: CHAIN, seq: x.length, hash: sha256Hex(x.at(-1)!.bytes) as CommitHash }], end: true, arrivals: 9 })
  world.time.advance(10)
  expect(wants(raw)).toEqual([{ chain: CHAIN, from: 4, count: at - 4 }])
  raw.say({ type: 'parcels', chain: CHAIN, parcels: x.slice(3, 20) })
  world.time.advance(10)
  expect([a.seqOf(CHAIN), counter(a, 'chains_under_way')]).toEqual([at - 1, 0])
  const asked = heardBy(raw).flatMap((message) => (message.type === 'since' ? [message.cursor] : []))
  raw.say({ type: 'runs', runs: [{ chain: CHAIN, from: 1, count: 60 }], cursor: 60, end: true, digest: new Uint8Array(16) })
  raw.say(ackOf(x))
  raw.say({ type: 'parcels', chain: CHAIN, parcels: x.slice(at - 1, 20) })
  raw.say({ type: 'absent', chain: CHAIN, from: at })
  world.time.advance(10)
  expect(counter(a, 'chains_under_way')).toBe(0)
  world.time.advance(10_000)
  expect(asked).toEqual([9])
  expect(wants(raw).length).toBe(1)
  expect(heardBy(raw).flatMap((message) => (message.type === 'have' ? [message.cursor] : []))).toEqual([9, 60])
})

test('FK9 behind the end of a forked chain nothing is pushed, and no hole is mended', () => {
  const world = createTestWorld(['a', 'b', 'f'])
  const a = add(world, 'a')
  const raw = openRaw(world, 'b', a)
  a.author(4)
  const { x, proof } = fork(4, 4, 4)
  give(a, x)
  world.time.advance(10)
  for (const seq of [3, 6]) a.damage(CHAIN, seq)
  const before = a.parcelsOf(a.chain, 1, 4)
  a.host.receiveForkProofs(peerOf('b'), [proof, pack([branchOf(a.chain, 'x', before, 1)[4]!.bytes, branchOf(a.chain, 'y', before, 1)[4]!.bytes])])
  a.author(1)
  world.time.advance(5_000)
  const heard = heardBy(raw)
  expect(heard.flatMap((message) => (message.type === 'parcels' ? message.parcels.map(({ seq }) => seq) : []))).toEqual([1, 2, 3, 4])
  expect(heard.flatMap((message) => (message.type === 'want' ? message.runs : []))).toEqual([{ chain: CHAIN, from: 3, count: 1 }])
})

test('FK10 a dep’s header is asked of one neighbour after the other, also where its commit is on a branch', () => {
  const world = createTestWorld(['a', 'b', 'c', 'f'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['a', 'b'])]
  const { x, at, proof } = fork(5, 10, 10)
  give(c, x)
  world.time.advance(3_000)
  expect(world.time.runUntil(() => up(a) === 2 && up(b) === 2 && b.seqOf(CHAIN) === 15, 5_000)).toBe(true)
  c.host.receiveForkProofs(peerOf('f'), [proof])
  expect(world.time.runUntil(() => ended(at, a, b, c), 5_000)).toBe(true)
  // B forgets what it saw; only A and C can answer, though no frontier shows the branch any more.
  b.host.readHeaders = () => []
  const behindFork = sha256Hex(x[12]!.bytes) as CommitHash
  a.wantedHeaders.add(behindFork)
  expect(world.time.runUntil(() => a.metHeaders.length === 1, 4_000)).toBe(true)
  expect(a.metHeaders).toEqual([{ from: c.host.peer, hash: behindFork }])
  a.wantedHeaders.add(ZERO_HASH as CommitHash)
  world.time.advance(10_000)
  const asked = counter(a, 'sent_want_headers')
  world.time.advance(60_000)
  // Nobody has it: both are asked every `mend_retry_ms`.
  expect(counter(a, 'sent_want_headers') - asked).toBeLessThanOrEqual(6)
  expect(counter(a, 'sent_want_headers') - asked).toBeGreaterThanOrEqual(2)
})

test('FK10 a neighbour that does not answer is passed over, and headers nobody asked for are not looked at', () => {
  const world = createTestWorld(['a', 'b', 'c', 'f'])
  const a = add(world, 'a')
  const raw = openRaw(world, 'b', a)
  const c = add(world, 'c', ['a'])
  expect(world.time.runUntil(() => up(a) === 2, 5_000)).toBe(true)
  c.author(1)
  world.time.advance(10)
  let handed = 0
  const { receiveHeaders } = a.host
  a.host.receiveHeaders = (from, headers) => {
    handed += headers.length
    receiveHeaders(from, headers)
  }
  raw.say({ type: 'headers', headers: [new Uint8Array(9)] })
  world.time.advance(10)
  expect([handed, counter(a, 'headers_unasked'), raw.closed()]).toEqual([0, 1, null])
  a.wantedHeaders.add(sha256Hex(c.parcelsOf(c.chain, 1, 1)[0]!.bytes) as CommitHash)
  expect(world.time.runUntil(() => a.metHeaders.length === 1, 10_000)).toBe(true)
})

test('FK11 more questions for headers than an honest peer has close the link', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  a.author(300, 3_900)
  world.time.advance(10)
  const hashes = a.parcelsOf(a.chain, 1, 256).map(({ bytes }) => sha256Hex(bytes) as CommitHash)
  const raw = openRaw(world, 'b', a)
  raw.say({ type: 'want_headers', hashes })
  expect(world.time.runUntil(() => heardBy(raw).some(({ type }) => type === 'headers'), 1_000)).toBe(true)
  world.network.halfOpen(a.url, 'ws://b.raw:7/mesh')
  for (let n = 0; n < 20; n++) raw.say({ type: 'want_headers', hashes })
  world.time.advance(1_000)
  expect(counter(a, 'closed_want_overrun')).toBe(1)
})

/** Numbers below `n`, the same for the same seed. */
const dice = (seed: string): ((n: number) => number) => {
  let draws = 0
  return (n) => {
    const bytes = sha256(seed, String(draws++))
    return (bytes[0]! * 65_536 + bytes[1]! * 256 + bytes[2]!) % n
  }
}

test.each(Array.from({ length: 10 }, (_, n) => `seed ${n}`))('FK6 whatever the network does, all find the lowest place where histories part: %s', (seed) => {
  const roll = dice(`forks ${seed}`)
  const names = ['a', 'b', 'c', 'd']
  const chains = ['f', 'g'].map((name) => chainOfPeer(peerOf(name)))
  const world = createTestWorld([...names, 'f', 'g'], 1 + roll(20))
  const all = names.map((name, n) => add(world, name, n === 0 ? [] : [names[roll(n)]!]))
  for (const peer of all) peer.provesAnyPlace = roll(2) === 0
  const any = (): TestPeer => all[roll(all.length)]!
  const lowest = new Map<ChainId, number>()
  const branches = chains.map((chain) => {
    const common = branchOf(chain, 'common', [], roll(200))
    lowest.set(chain, common.length + 1)
    return [branchOf(chain, 'x', common, 1 + roll(200)), branchOf(chain, 'y', common, 1 + roll(200))] as const
  })
  for (const [x, y] of branches) {
    const at = roll(all.length)
    give(all[at]!, x.slice(0, 1 + roll(x.length)))
    give(all[(at + 1) % all.length]!, y)
    give(all[at]!, x)
  }
  for (let step = 0; step < 30; step++) {
    const [one, other, kind] = [any(), any(), roll(5)]
    if (kind === 0) one.author(1 + roll(20), 50)
    else if (kind === 1) world.network.cut(one.url, other.url)
    else if (kind === 2) world.network.sever(one.url, other.url)
    else if (kind === 3) give(one, branches[roll(2)]![roll(2) === 0 ? 0 : 1])
    else world.network.heal()
    world.time.advance(roll(roll(4) === 0 ? 20_000 : 300))
  }
  world.network.heal()
  const inStep = (): boolean => all.every((peer) => peer.digest() === all[0]!.digest() && chains.every((chain) => peer.host.forkAt(chain) === lowest.get(chain)))
  expect(world.time.runUntil(inStep, 120_000), seed).toBe(true)
  world.time.advance(60_000)
  expect([inStep(), all.map((peer) => counter(peer, 'chains_under_way')), all.flatMap(closings)], seed).toEqual([true, [0, 0, 0, 0], []])
  const frames = framesOf(...all)
  world.time.advance(60_000)
  expect(framesOf(...all) - frames, seed).toBeLessThan(250)
})
