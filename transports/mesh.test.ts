/** Links and members: who may be one, who is dialed, what a hostile member can do (PROTOCOL LK, MB, SE, CR, HB, ADDR, DL). */
import { afterEach, expect, test } from 'vitest'
import { signAck, type SignedAck, type Watermark } from '../crdt/ack.ts'
import { ZERO_HASH, type ChainId, type CommitHash } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { pack } from '../crdt/msgpack.ts'
import { signAddress } from './addresses.ts'
import { decode } from './decode.ts'
import { TAGS, type Message } from './messages.ts'
import { keysOf, meshIdOfTests, peerOf, sameBytes } from './test-host.ts'
import { HEARD, createTestWorld, dialRaw, urlOf, type RawPeer, type TestPeer, type TestWorld } from './test-world.ts'

const peers: TestPeer[] = []
const add = (world: TestWorld, name: string, dials: readonly string[] = []): TestPeer => {
  const peer = world.add(name, dials)
  peers.push(peer)
  return peer
}
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.mesh.stop()
})
const MARK: Watermark = { chain: '01'.repeat(16) as ChainId, seq: 1, hash: ZERO_HASH as CommitHash, whole: true }
const ackOf = (name: string, watermarks: readonly Watermark[]): SignedAck =>
  signAck({ mesh: meshIdOfTests, voter: peerOf(name), watermarks }, keysOf(name))
const up = (peer: TestPeer): number => peer.mesh.links().filter((link) => link.state === 'up').length
const counter = (peer: TestPeer, name: string): number => peer.mesh.counters()[name] ?? 0

/** A member that went through both phases and is now free to misbehave. */
const openRaw = (world: TestWorld, name: string, peer: TestPeer): RawPeer => {
  const raw = dialRaw(world, name, peer.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: peer.seqOf(peer.host.controlChain) })
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 0,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  expect(world.time.runUntil(() => up(peer) === 1, 1_000)).toBe(true)
  return raw
}
const refusal = (world: TestWorld, raw: RawPeer, withinMs = 1_000): string | null => {
  world.time.runUntil(() => raw.closed() !== null, withinMs)
  return raw.closed()
}

test('MB1 a stranger gets the control log, and nothing else', () => {
  const world = createTestWorld(['a'])
  const a = add(world, 'a')
  a.author(1)
  const raw = dialRaw(world, 'stranger', a.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: 0 })
  raw.say({ type: 'want', runs: [{ chain: a.host.controlChain, from: 1, count: 1 }] })
  expect(world.time.runUntil(() => raw.frames.length >= 2, 1_000)).toBe(true)
  const heard = raw.frames.map((frame) => decode(frame, HEARD)).flatMap((read) => (read.ok ? [read.message] : []))
  expect(heard.map((message) => message.type)).toEqual(['control', 'parcels'])
  raw.say({ type: 'want', runs: [{ chain: a.chain, from: 1, count: 1 }] })
  expect(refusal(world, raw)).toBe('not_open')
})

test('MB2 a stranger with the whole control log is closed by name; one that stays behind, after 30 s', () => {
  const world = createTestWorld(['a'])
  const a = add(world, 'a')
  const whole = dialRaw(world, 'stranger', a.url)
  expect(world.time.runUntil(whole.authenticated, 1_000)).toBe(true)
  whole.say({ type: 'control', seq: 1 })
  expect(refusal(world, whole)).toBe('not_enrolled')
  const behind = dialRaw(world, 'another', a.url)
  expect(world.time.runUntil(behind.authenticated, 1_000)).toBe(true)
  for (let n = 0; n < 29; n++) {
    behind.say({ type: 'control', seq: 0 })
    world.time.advance(1_000)
  }
  expect(behind.closed()).toBeNull()
  expect(refusal(world, behind, 2_000)).toBe('not_enrolled')
})

test('MB3 a peer enrolled meanwhile is let in as soon as the other has fetched the control log', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1, 5_000)).toBe(true)
  world.network.cut(a.url, b.url)
  a.enrol(peerOf('c'), 'voter')
  world.time.advance(10)
  const c = add(world, 'c', ['b'])
  c.joinFrom(a)
  world.time.advance(500)
  // B does not know C yet, but C's control log is longer.
  expect(world.time.runUntil(() => up(c) === 1 && up(b) >= 1, 5_000)).toBe(true)
  expect(b.host.member(c.host.peer)).toBe('voter')
})

test('MB4 a revoked peer is cut at once, everywhere the news arrives, and is told why when it comes back', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['a', 'b'])]
  expect(world.time.runUntil(() => [a, b, c].every((peer) => up(peer) === 2), 5_000)).toBe(true)
  a.enrol(c.host.peer, 'revoked')
  expect(world.time.runUntil(() => up(a) === 1 && up(b) === 1 && up(c) === 0, 1_000)).toBe(true)
  world.time.advance(60_000)
  expect([up(a), up(b), up(c)]).toEqual([1, 1, 0])
  expect(c.mesh.links().map((link) => link.last_error?.split(':')[0])).toContain('revoked')
})

test('LK1 when both dial at once, both keep the link that the smaller id dialed', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a', ['b']), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => counter(a, 'handshakes') === 2 && counter(b, 'handshakes') === 2, 5_000)).toBe(true)
  world.time.advance(60_000)
  expect([up(a), up(b), counter(a, 'sockets'), counter(b, 'sockets')]).toEqual([1, 1, 1, 1])
  const [smaller, larger] = a.host.peer < b.host.peer ? [a, b] : [b, a]
  expect(smaller.mesh.links()[0]!.url).toBe(larger.url)
  expect(counter(a, 'handshakes') + counter(b, 'handshakes')).toBe(4)
})

test('LK2 a peer that lost the link without a word replaces it; up and down alternate', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const old = openRaw(world, 'b', a)
  world.time.advance(15_000)
  const b = add(world, 'b', ['a'])
  expect(world.time.runUntil(() => up(b) === 1 && a.ups.length === 3, 1_000)).toBe(true)
  expect(old.closed()).toBe('duplicate')
  expect(a.ups.map((line) => line.split(' ')[0])).toEqual(['up', 'down', 'up'])
})

test('LK3 a peer does not link to itself, and does not try again', () => {
  const world = createTestWorld(['a'])
  const a = add(world, 'a', ['a'])
  world.time.advance(60_000)
  expect(counter(a, 'dials')).toBe(1)
  expect(a.mesh.dials()[0]!.last_error).toContain('self_connection')
})

test('LK4 junk sockets do not keep an honest peer out: it joins within 1 s', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const dialer = world.network.dialer('ws://junk.test:7/mesh')
  for (let n = 0; n < 2_000; n++)
    dialer.dial(
      a.url,
      (socket) => {
        socket.listen({ message: () => {}, drained: () => {}, closed: () => {} })
        if (n % 2 === 0) socket.send(new Uint8Array(162).fill(n % 256))
      },
      () => {},
    )
  const b = add(world, 'b', ['a'])
  expect(world.time.runUntil(() => up(a) === 1 && up(b) === 1, 1_000)).toBe(true)
  expect(counter(a, 'sockets')).toBeLessThanOrEqual(limits.unauthenticated_sockets_max + 1)
  expect(counter(a, 'nonces')).toBe(1)
  // WK2: what is left of them waits for what strangers of one address are given.
  expect(counter(a, 'frames_delayed')).toBeGreaterThan(20)
  expect(counter(a, 'closed_too_many_sockets')).toBeGreaterThan(1_000)
  world.time.advance(limits.handshake_ms_max + 1_000)
  expect(counter(a, 'sockets')).toBe(1)
})

test('SE1 frames before authentication, and a second authentication, close the socket', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  let early: string | null = null
  world.network.dialer('ws://x:1/mesh').dial(
    a.url,
    (socket) => {
      socket.listen({ message: () => {}, drained: () => {}, closed: (reason) => (early = reason) })
      socket.send(pack([TAGS.since, 0]))
    },
    () => {},
  )
  world.time.advance(100)
  expect(early).toBe('malformed_handshake')
  const raw = openRaw(world, 'b', a)
  raw.socket()!.send(new Uint8Array(162).fill(1))
  expect(refusal(world, raw)).toBe('seal_broken')
})

test.each<[string, string, (raw: RawPeer) => void]>([
  ['SE4 an unknown tag', 'malformed_frame', (raw) => raw.sayBytes(pack([99, 1]))],
  ['SE4 no message at all', 'malformed_frame', (raw) => raw.sayBytes(new Uint8Array(500).fill(0x91))],
  [
    'SE5 a list of wants without end',
    'malformed_frame',
    (raw) => raw.sayBytes(pack([TAGS.want, [new Uint8Array(16), 1], Array.from({ length: 100_000 }, (_, n) => n % 2)])),
  ],
  [
    'SE5 a place beyond all places',
    'malformed_frame',
    (raw) => raw.sayBytes(pack([TAGS.want, [new Uint8Array(16), 2 ** 48], [0, 2 ** 48]])),
  ],
  ['SE6 compressed junk', 'bad_compression', (raw) => raw.sayBytes(pack([TAGS.deflated, 1_000, new Uint8Array(50)]))],
  [
    'MB5 a second open',
    'already_open',
    (raw) =>
      raw.say({
        type: 'open',
        epoch: '00',
        arrivals: 0,
        digest: new Uint8Array(16),
        addresses: new Uint8Array(8),
        clock: 1_700_000_000_000,
      }),
  ],
  ['CR3 credit that was never owed', 'credit_overrun', (raw) => raw.say({ type: 'credit', bytes: 1 })],
  [
    'HB3 a flood of pings',
    'ping_flood',
    (raw) =>
      Array.from({ length: 17 }, (_, id) => raw.say({ type: 'ping', id, arrivals: 0, digest: new Uint8Array(16) })),
  ],
  ['ACK1 an ack in another voter’s name', 'forged_ack', (raw) => raw.say({ type: 'ack', ack: ackOf('c', [MARK]) })],
  ['ACK5 an ack that names nothing', 'malformed_frame', (raw) => raw.say({ type: 'ack', ack: ackOf('b', []) })],
  [
    'ACK5 an ack that names a chain twice',
    'malformed_frame',
    (raw) => raw.say({ type: 'ack', ack: { ...ackOf('b', [MARK]), watermarks: [MARK, MARK] } }),
  ],
  [
    'ACK5 an ack that names chains in another order',
    'malformed_frame',
    (raw) =>
      raw.say({
        type: 'ack',
        ack: { ...ackOf('b', [MARK]), watermarks: [{ ...MARK, chain: 'ff'.repeat(16) as ChainId }, MARK] },
      }),
  ],
  [
    'AE12 wants piled up',
    'want_overrun',
    (raw) =>
      Array.from({ length: 12 }, (_, n) =>
        raw.say({
          type: 'want',
          runs: Array.from({ length: 1_024 }, (_, m) => ({
            chain: (n * 1_024 + m).toString(16).padStart(32, '0') as ChainId,
            from: 1,
            count: 1,
          })),
        }),
      ),
  ],
])('%s closes the link as %s', (name, expected, misbehave) => {
  const world = createTestWorld(['a', 'b', 'c'])
  const a = add(world, 'a')
  const raw = openRaw(world, 'b', a)
  // Wants pile up only where the answers do not get away.
  if (name.startsWith('AE12')) {
    a.author(300, 5_000)
    world.time.advance(10)
    world.network.halfOpen(a.url, 'ws://b.raw:7/mesh')
    raw.say({ type: 'want', runs: [{ chain: a.chain, from: 1, count: 300 }] })
  }
  misbehave(raw)
  // A member is paced: it has spent its purse before all of it is looked at.
  world.time.advance(500)
  expect(counter(a, `closed_${expected}`)).toBe(1)
  expect(up(a)).toBe(0)
})

test('CR1 a sender that overruns its credit is closed; memory stays bounded', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  a.host.receive = () => {}
  const raw = openRaw(world, 'b', a)
  const parcel = (seq: number): Message => ({
    type: 'parcels',
    chain: a.chain,
    parcels: [{ chain: a.chain, seq, bytes: new Uint8Array(400_000), bodies: [] }],
  })
  for (let n = 1; n <= 10; n++) raw.say(parcel(n))
  expect(refusal(world, raw, 100)).toBeNull()
  raw.say(parcel(11))
  expect(refusal(world, raw)).toBe('credit_overrun')
})

test('HB2 a peer that falls silent is closed within 25 s, one that never answers pings as well', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const a = add(world, 'a')
  openRaw(world, 'b', a)
  world.time.advance(24_000)
  expect(a.mesh.links().map(({ state }) => state)).toEqual(['silent'])
  world.time.advance(2_000)
  expect(counter(a, 'closed_silence')).toBe(1)
  const talker = openRaw(world, 'c', a)
  for (let n = 0; n < 45; n++) {
    talker.say({ type: 'since', cursor: 0 })
    world.time.advance(1_000)
  }
  expect(counter(a, 'closed_ping_timeout')).toBe(1)
})

test('HB4 a frozen peer is shown as silent within 3 s, its link stays, and it is up again as soon as it is heard', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const raw = openRaw(world, 'b', a)
  const state = () => a.mesh.links().map((link) => link.state)
  world.time.advance(2_000)
  expect(state()).toEqual(['up'])
  world.time.advance(1_000)
  expect(state()).toEqual(['silent'])
  expect(a.quiets).toEqual([`quiet ${peerOf('b')}`])
  raw.say({ type: 'since', cursor: 0 })
  world.time.advance(50)
  expect([state(), a.quiets]).toEqual([['up'], [`quiet ${peerOf('b')}`, `heard ${peerOf('b')}`]])
})

test('HB4 an idle link is probed once a second, and neither side takes the other for silent or asks for anything', () => {
  const world = createTestWorld(['a', 'b'])
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  world.time.advance(2_000)
  const before = [
    counter(a, 'sent_ping') + counter(b, 'sent_ping'),
    counter(a, 'sent_since') + counter(b, 'sent_since'),
  ]
  world.time.advance(30_000)
  expect(counter(a, 'sent_ping') + counter(b, 'sent_ping') - before[0]!).toBeLessThanOrEqual(2 * 34)
  expect(counter(a, 'sent_since') + counter(b, 'sent_since')).toBe(before[1])
  expect([a.quiets, b.quiets]).toEqual([[], []])
})

test("HB5 each reads the other's clock when the link opens and by each pong, as old as half the way back; once a second while it is in doubt", () => {
  const world = createTestWorld(['a', 'b'], 40)
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  b.clockAheadMs = 3_600_000
  world.time.advance(500)
  expect([a.clocks.length, b.clocks.length]).toEqual([1, 1])
  world.time.advance(12_000)
  const heard = a.clocks.length
  for (const { from, aheadMs } of a.clocks)
    expect([from, Math.abs(aheadMs - 3_600_000) <= 200]).toEqual([peerOf('b'), true])
  expect(Math.abs(a.clocks.at(-1)!.aheadMs - 3_600_000)).toBeLessThanOrEqual(1)
  for (const { aheadMs } of b.clocks) expect(Math.abs(aheadMs)).toBeLessThanOrEqual(200)
  // Something is heard all the time, so that nothing is probed but for the clock.
  a.doubtsClocks = true
  for (let n = 0; n < 50; n++) {
    b.mesh.announce(signAck({ mesh: meshIdOfTests, voter: peerOf('b'), watermarks: [] }, keysOf('b')), null)
    world.time.advance(200)
  }
  expect(a.clocks.length - heard).toBeGreaterThanOrEqual(8)
  expect(up(a)).toBe(1)
})

test('CR4 a reader that never reads is closed before it costs memory', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const raw = openRaw(world, 'b', a)
  const entries = Array.from({ length: limits.frontier_leaf_entries_max }, (_, n) => ({
    chain: n.toString(16).padStart(32, '0') as ChainId,
    seq: 1,
    hash: ZERO_HASH as CommitHash,
  }))
  const prefixes = Array.from({ length: limits.frontier_nodes_per_frame_max }, (_, n) => n.toString(16))
  Object.assign(a.host, { frontier: { at: () => ({ kind: 'leaf', entries }), digestAt: () => new Uint8Array(32) } })
  world.network.halfOpen(a.url, 'ws://b.raw:7/mesh')
  let most = 0
  for (let n = 0; n < 60 && counter(a, 'closed_slow_reader') === 0; n++) {
    raw.say({ type: 'frontier_ask', prefixes })
    // As fast as its purse allows: each takes some 1,650 units.
    world.time.advance(48)
    most = Math.max(most, a.mesh.links()[0]?.buffered_bytes ?? 0)
  }
  expect(counter(a, 'closed_slow_reader')).toBe(1)
  expect(most).toBeLessThan(limits.buffered_bytes_hard_max + limits.frame_bytes_max)
})

test('AE9 a liar’s claims cost asking, not correctness', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, c] = [add(world, 'a'), add(world, 'c', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1, 5_000)).toBe(true)
  const raw = dialRaw(world, 'b', a.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: 3 })
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 9,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  expect(world.time.runUntil(() => up(a) === 2, 1_000)).toBe(true)
  raw.say({
    type: 'ack',
    ack: signAck(
      {
        mesh: meshIdOfTests,
        voter: peerOf('b'),
        watermarks: [{ chain: c.chain, seq: 1_000_000, hash: ZERO_HASH as CommitHash, whole: true }],
      },
      keysOf('b'),
    ),
  })
  world.time.advance(100)
  c.author(50)
  expect(world.time.runUntil(() => a.seqOf(c.chain) === 50, 15_000)).toBe(true)
})

test('ADDR2 C learns A’s address from B, dials it, and reaches it without B', () => {
  const world = createTestWorld(['a', 'b', 'c'])
  const [a, b, c] = [add(world, 'a'), add(world, 'b', ['a']), add(world, 'c', ['b'])]
  for (const peer of [a, b, c]) peer.mesh.advertise([peer.url])
  expect(world.time.runUntil(() => up(a) === 2 && up(c) === 2, 5_000)).toBe(true)
  void b.mesh.stop()
  a.author(1)
  expect(world.time.runUntil(() => c.seqOf(a.chain) === 1, 1_000)).toBe(true)
  expect(c.host.addresses().length).toBe(3)
})

test('ADDR3 an address record counts only signed, of this mesh, of a member, newer, and not from the future', () => {
  const world = createTestWorld(['a', 'b'])
  const a = add(world, 'a')
  const raw = openRaw(world, 'b', a)
  const now = world.time.now()
  const record = (name: string, atMs: number, signer = name, mesh = meshIdOfTests, url = urlOf('x')): Uint8Array =>
    signAddress(mesh, { peer: peerOf(name), atMs, urls: [url] }, keysOf(signer))
  const refused = [
    record('b', now, 'a'),
    record('stranger', now),
    record('b', now, 'b', ZERO_HASH as typeof meshIdOfTests),
    record('b', now + limits.address_ahead_ms_max + 60_000),
    record('b', now, 'b', meshIdOfTests, 'http://x/mesh'),
    record('b', now, 'b', meshIdOfTests, 'ws://x/other'),
    new Uint8Array(9),
  ]
  raw.say({ type: 'addresses', records: refused })
  world.time.advance(100)
  expect(a.host.addresses()).toEqual([])
  const [newer, older] = [record('b', now), record('b', now - 1)] as const
  raw.say({ type: 'addresses', records: [newer, older] })
  world.time.advance(100)
  expect(a.host.addresses().map((bytes) => sameBytes(bytes, newer))).toEqual([true])
})

test('DL2 an address that does not answer is dialed ever more rarely, up to 30 s', () => {
  const world = createTestWorld(['a'])
  const a = add(world, 'a', ['nobody'])
  world.time.advance(60_000)
  const first = counter(a, 'dials')
  expect(first).toBeGreaterThan(7)
  expect(first).toBeLessThan(16)
  world.time.advance(600_000)
  expect(counter(a, 'dials') - first).toBeLessThan(42)
  expect(counter(a, 'dials') - first).toBeGreaterThan(18)
  expect(a.mesh.dials()[0]!.last_error).toBe('connection refused')
})

test('SE9 what is thrown while a frame is handled ends that link by name, and no other', () => {
  const faults: string[] = []
  const world = createTestWorld(['a', 'b', 'c'], 1, null, (place, error) => faults.push(`${place}: ${String(error)}`))
  const [a, b] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1, 5_000)).toBe(true)
  a.host.receiveAck = () => {
    throw new RangeError('planted')
  }
  const raw = dialRaw(world, 'c', a.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: a.seqOf(a.host.controlChain) })
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 0,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  expect(world.time.runUntil(() => up(a) === 2, 1_000)).toBe(true)
  raw.say({ type: 'ack', ack: ackOf('c', [MARK]) })
  expect(refusal(world, raw)).toBe('handling_failed')
  expect(faults).toEqual(['mesh link: RangeError: planted'])
  expect([counter(a, 'closed_handling_failed'), counter(a, 'faults'), up(a), up(b)]).toEqual([1, 1, 1, 1])
})

test('SE9 what is thrown at a deadline ends that link, and the next deadlines are looked at', () => {
  const faults: string[] = []
  const world = createTestWorld(['a', 'b'], 1, null, (place) => faults.push(place))
  const [a] = [add(world, 'a'), add(world, 'b', ['a'])]
  expect(world.time.runUntil(() => up(a) === 1, 5_000)).toBe(true)
  const { frontierDigest } = a.host
  a.host.frontierDigest = () => {
    throw new Error('planted')
  }
  expect(world.time.runUntil(() => counter(a, 'closed_handling_failed') > 0, 30_000)).toBe(true)
  expect(faults).toContain('mesh link')
  a.host.frontierDigest = frontierDigest
  expect(world.time.runUntil(() => up(a) === 1, 60_000)).toBe(true)
})

test('DL1, DL3 a member that signs another’s address draws no dials away from it', () => {
  const world = createTestWorld(['a', 'b', 'c', 'd'])
  const [a, b] = [add(world, 'a'), add(world, 'b')]
  // C's word comes first: its own record names B's address.
  const raw = openRaw(world, 'c', a)
  raw.say({
    type: 'addresses',
    records: [signAddress(meshIdOfTests, { peer: peerOf('c'), atMs: world.time.now(), urls: [b.url] }, keysOf('c'))],
  })
  world.time.advance(100)
  raw.socket()?.close('gone')
  world.time.advance(1_000)
  expect(a.mesh.dials().map(({ url, last_error }) => [url, last_error?.split(':')[0]])).toEqual([
    [b.url, 'wrong_audience'],
  ])
  const third = openRaw(world, 'd', a)
  third.say({
    type: 'addresses',
    records: [signAddress(meshIdOfTests, { peer: peerOf('b'), atMs: world.time.now(), urls: [b.url] }, keysOf('b'))],
  })
  expect(world.time.runUntil(() => up(b) === 1, 5_000)).toBe(true)
  const dialed = counter(a, 'dials')
  world.time.advance(limits.dial_refuted_ms / 2)
  expect(counter(a, 'dials')).toBe(dialed)
})
