/** Forks on the wire, told and kept to: what PROTOCOL FK1–FK5 and FK9–FK11 promise, over the network in memory. */
import { expect, test } from 'vitest'
import { sha256Hex } from '../crdt/hash.ts'
import { bytesToHex, ZERO_HASH, type CommitHash } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { equalBytes, pack } from '../crdt/msgpack.ts'
import { decode } from './decode.ts'
import { forkFrames } from './forks.ts'
import type { Message } from './messages.ts'
import {
  ackOf,
  add,
  CHAIN,
  counter,
  dial,
  ended,
  fork,
  framesOf,
  give,
  heardBy,
  openRaw,
  up,
  wants,
} from './forks.test-support.ts'
import { branchOf, peerOf } from './test-host.ts'
import { HEARD, createTestWorld, dialRaw } from './test-world.ts'

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
  raw.say({ type: 'frontier_ask', prefixes: [''] })
  expect(world.time.runUntil(() => heardBy(raw).some(({ type }) => type === 'frontier'), 1_000)).toBe(true)
  const heard = heardBy(raw)
  expect(heard.map(({ type }) => type)).toEqual(['control', 'open', 'forks', 'parcels', 'frontier_ask', 'frontier'])
  expect(heard.flatMap((message) => (message.type === 'forks' ? message.proofs : [])).map(bytesToHex)).toEqual([
    bytesToHex(proof),
  ])
  const frontier = heard.find((message) => message.type === 'frontier')!
  expect(
    frontier.nodes.flatMap((node) => (node.kind === 'leaf' ? node.entries : [])).find(({ chain }) => chain === CHAIN),
  ).toEqual({ chain: CHAIN, seq: at - 1, hash: sha256Hex(x[at - 2]!.bytes) })
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
  const proofs = Array.from({ length: 700 }, (_, n) =>
    new Uint8Array(n % 3 === 0 ? limits.fork_proof_bytes_max : 200).fill(n % 256),
  )
  a.host.forkProofs = () => proofs
  for (const frame of forkFrames(proofs)) {
    expect(frame.length).toBeLessThan(limits.parcel_frame_bytes_target + limits.fork_proof_bytes_max + 1_024)
    expect(decode(frame, HEARD).ok).toBe(true)
  }
  const raw = dial(world, 'b', a)
  world.time.advance(100)
  world.network.halfOpen(a.url, 'ws://b.raw:7/mesh')
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 9,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  world.time.advance(5_000)
  expect(a.mesh.links()[0]!.buffered_bytes).toBeGreaterThan(limits.buffered_bytes_max)
  expect(a.mesh.links()[0]!.buffered_bytes).toBeLessThan(1.5 * limits.buffered_bytes_max)
  world.network.heal()
  const told = (): readonly Uint8Array[] =>
    heardBy(raw).flatMap((message) => (message.type === 'forks' ? message.proofs : []))
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
  expect([
    raw.closed(),
    heardBy(raw).reduce((sum, message) => sum + (message.type === 'forks' ? message.proofs.length : 0), 0),
  ]).toEqual(['frozen', 200])
})

test('FK3 a proof found in the middle of a mesh is told on at once, and each peer tells it once', () => {
  const world = createTestWorld(['a', 'b', 'c', 'd', 'e', 'f'])
  const all = ['a', 'b', 'c', 'd', 'e'].map((name, n) =>
    add(world, name, n === 0 ? [] : [['a', 'b', 'c', 'd'][n - 1]!]),
  )
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
  const frame: Message = {
    type: 'forks',
    proofs: Array.from({ length: limits.forks_per_frame_max }, () => new Uint8Array(1)),
  }
  for (let n = 0; n < limits.forks_per_interval_max / limits.forks_per_frame_max; n++) raw.say(frame)
  // All at once they are 1.2 s of work: a member is given half a core.
  world.time.advance(3_000)
  expect([raw.closed(), a.proofsReceived()]).toEqual([null, limits.forks_per_interval_max])
  world.time.advance(limits.ping_every_ms)
  raw.say(frame)
  world.time.advance(10)
  expect(raw.closed()).toBeNull()
  for (let n = 0; n < limits.forks_per_interval_max / limits.forks_per_frame_max; n++) raw.say(frame)
  world.time.advance(3_000)
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
  // Probes and answers of the idle link, some 250, and what the frozen one is told when it tries again.
  expect(framesOf(a, b, f) - before).toBeLessThan(400)
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
  // A probe a second and its answer, and a page of the log now and then.
  expect(framesOf(a, c) - frames).toBeLessThan(140)
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
  raw.say({
    type: 'frontier',
    nodes: [
      {
        prefix: '',
        kind: 'leaf',
        entries: [{ chain: CHAIN, seq: x.length, hash: sha256Hex(x.at(-1)!.bytes) as CommitHash }],
      },
    ],
    arrivals: 9,
  })
  world.time.advance(10)
  expect(wants(raw)).toEqual([{ chain: CHAIN, from: 4, count: at - 4 }])
  raw.say({ type: 'parcels', chain: CHAIN, parcels: x.slice(3, 20) })
  world.time.advance(10)
  expect([a.seqOf(CHAIN), counter(a, 'chains_under_way')]).toEqual([at - 1, 0])
  const asked = heardBy(raw).flatMap((message) => (message.type === 'since' ? [message.cursor] : []))
  raw.say({
    type: 'runs',
    runs: [{ chain: CHAIN, from: 1, count: 60 }],
    cursor: 60,
    end: true,
    digest: new Uint8Array(16),
  })
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
  a.host.receiveForkProofs(peerOf('b'), [
    proof,
    pack([branchOf(a.chain, 'x', before, 1)[4]!.bytes, branchOf(a.chain, 'y', before, 1)[4]!.bytes]),
  ])
  a.author(1)
  world.time.advance(5_000)
  const heard = heardBy(raw)
  expect(heard.flatMap((message) => (message.type === 'parcels' ? message.parcels.map(({ seq }) => seq) : []))).toEqual(
    [1, 2, 3, 4],
  )
  expect(heard.flatMap((message) => (message.type === 'want' ? message.runs : []))).toEqual([
    { chain: CHAIN, from: 3, count: 1 },
  ])
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
