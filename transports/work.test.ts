/** Work as priced units: who pays, who waits, in which order (PROTOCOL WK). */
import { expect, test } from 'vitest'
import { signAck } from '../crdt/ack.ts'
import type { ChainId, PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { START_MS, createTestWorld, dialRaw, rethrow } from './test-world.ts'
import { createGate } from './gate.ts'
import { TAGS } from './messages.ts'
import { createGrowth } from './growth.ts'
import { createPositions } from './positions.ts'
import { createSendCredit } from './credit.ts'
import { createServe } from './serve.ts'
import { createPurse, createPurses, networkOf } from './purses.ts'
import { keysOf, meshIdOfTests, peerOf } from './test-host.ts'
import { createVirtualTime } from './virtual-time.ts'
import { createWork } from './work.ts'

const bounds = { frames: 100, bytes: 1_000_000 }
const rich = () => createPurse(1_000, 1_000_000, START_MS)
const frame = (n: number): Uint8Array => Uint8Array.of(n)

test('WK1 one turn of the event loop begins no more than its share, and lanes take turns', () => {
  const time = createVirtualTime(START_MS)
  const work = createWork(time, () => {})
  const handled: string[] = []
  const lane = (name: string) => {
    const made = work.lane({
      purse: rich(),
      bounds,
      overrun: () => handled.push(`${name} overrun`),
      handle: ([n]) => {
        handled.push(`${name}${n}`)
        made.charge(limits.work_turn_units_max / 4)
      },
    })
    return made
  }
  const [a, b] = [lane('a'), lane('b')]
  for (let n = 0; n < 6; n++) a.push(frame(n))
  for (let n = 0; n < 2; n++) b.push(frame(n))
  expect(handled).toEqual(['a0', 'a1', 'a2', 'a3'])
  a.end(() => handled.push('a ended'))
  time.advance(0)
  expect(handled.slice(4)).toEqual(['a4', 'b0', 'a5', 'b1', 'a ended'])
  expect(work.waiting()).toBe(0)
})

test('WK1 who has spent its purse waits until it is paid back, and nobody else with it', () => {
  const time = createVirtualTime(START_MS)
  const work = createWork(time, () => {})
  const handled: string[] = []
  const poor = work.lane({
    purse: createPurse(1, 10, START_MS),
    bounds,
    overrun: () => {},
    handle: ([n]) => {
      handled.push(`poor ${n} at ${time.now() - START_MS}`)
      poor.charge(99)
    },
  })
  const other = work.lane({ purse: rich(), bounds, overrun: () => {}, handle: ([n]) => handled.push(`other ${n}`) })
  for (let n = 0; n < 3; n++) poor.push(frame(n))
  other.push(frame(0))
  expect(handled).toEqual(['poor 0 at 0', 'other 0'])
  time.advance(1_000)
  expect(handled.slice(2)).toEqual(['poor 1 at 92', 'poor 2 at 192'])
})

test('WK4 more waiting than may is told, and bounded', () => {
  const time = createVirtualTime(START_MS)
  const work = createWork(time, () => {})
  let overruns = 0
  const lane = work.lane({
    purse: createPurse(1, 1, START_MS),
    bounds: { frames: 3, bytes: 100 },
    overrun: () => overruns++,
    handle: () => lane.charge(10_000),
  })
  for (let n = 0; n < 10; n++) lane.push(frame(n))
  expect([overruns, work.waiting()]).toEqual([6, 3])
  lane.clear()
  expect(work.waiting()).toBe(0)
})

test('WK2 strangers share a tenth of a core, an address has half of that, claims and members their own', () => {
  const purses = createPurses(START_MS)
  const peer = peerOf('b')
  const drain = (address: string): number => {
    let drawn = 0
    for (; purses.stranger(address, START_MS).waitMs(START_MS) === 0; drawn += 100)
      purses.stranger(address, START_MS).draw(100, START_MS)
    return drawn
  }
  expect(drain('10.0.0.1')).toBe(limits.work_address_burst)
  expect(drain('10.0.0.2')).toBe(limits.work_strangers_burst - limits.work_address_burst)
  expect(purses.stranger('10.0.0.3', START_MS).waitMs(START_MS)).toBeGreaterThan(0)
  expect(purses.claimant(peer, '10.0.0.1', START_MS).waitMs(START_MS)).toBe(0)
  expect(purses.member(peer, START_MS).waitMs(START_MS)).toBe(0)
  // Whoever claims to be B from elsewhere spends another purse.
  purses.claimant(peer, '10.0.0.9', START_MS).draw(10_000, START_MS)
  expect(purses.claimant(peerOf('c'), '10.0.0.1', START_MS).waitMs(START_MS)).toBeGreaterThan(0)
})

test('WK2 an IPv6 network is one address', () => {
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe(networkOf('2001:db8:1:2:ffff::1'))
  expect(networkOf('2001:db8:1:2::1')).not.toBe(networkOf('2001:db8:1:3::1'))
  expect(networkOf('::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1')
  expect(networkOf('10.0.0.1')).toBe('10.0.0.1')
})

test('WK2 a member comes back at once while strangers have spent all they have', () => {
  const world = createTestWorld(['a', 'b'], 1, null, rethrow)
  const a = world.add('a')
  for (let address = 0; address < 4; address++) for (let n = 0; n < 60; n++) dialRaw(world, `junk${address}`, a.url)
  world.time.advance(20)
  expect(a.mesh.admits('ws://junk0.raw:7/mesh', null)).toBe(true)
  expect(a.mesh.counters()['frames_waiting']).toBeGreaterThan(20)
  const b = world.add('b', ['a'])
  expect(world.time.runUntil(() => b.mesh.links().some(({ state }) => state === 'up'), 100)).toBe(true)
  void a.mesh.stop()
  void b.mesh.stop()
})

test('WK3 a member gets in where its address is flooding, by its own name and within what that is worth', () => {
  const time = createVirtualTime(START_MS)
  const [member, address] = [peerOf('b'), '127.0.0.1']
  const gate = createGate({ member: (peer) => (peer === member ? 'voter' : 'unknown'), timers: time, count: () => {} })
  const socket = { remoteAddress: address, listen: () => {}, send: () => {}, bufferedBytes: () => 0, close: () => {} }
  const flood = (): void => {
    while (gate.admits(address, null))
      gate.meter(socket, { dialed: false, caught: rethrow.bind(null, 'flood'), overrun: () => {} })
  }
  flood()
  expect([gate.admits(address, peerOf('c')), gate.admits(address, member)]).toEqual([false, true])
  // The flood goes on; the member comes again and again, a second apart.
  for (let second = 0; second < 10; second++) {
    time.advance(1_000)
    flood()
    expect(gate.admits(address, member)).toBe(true)
  }
  // Whoever floods in its name gets no more than that name has.
  let admitted = 0
  while (gate.admits(address, member)) admitted++
  expect(admitted).toBeLessThanOrEqual(limits.work_claim_burst / limits.work_socket_units)
})

test('WK5 one small question for much is paid by whoever asked', () => {
  const world = createTestWorld(['a'], 0)
  const a = world.add('a')
  a.author(100, 40_000)
  world.time.advance(50)
  let [charged, sent] = [0, 0]
  const serve = createServe({
    host: a.host,
    credit: createSendCredit(),
    positions: createPositions(a.host),
    compression: null,
    isOpen: () => true,
    tellsDropped: true,
    bufferedBytes: () => 0,
    digest: () => new Uint8Array(16),
    digestKey: new Uint8Array(32),
    transmit: (content) => (sent += content.length),
    charge: (units) => (charged += units),
    served: () => {},
    count: () => {},
  })
  const own = a.frontier().find(({ chain }) => chain !== a.host.controlChain)
  expect(serve.want([{ chain: own!.chain, from: 1, count: 100 }])).toBe(true)
  expect(sent).toBeGreaterThan(3_900_000)
  expect(charged).toBeGreaterThan(sent / 4_096 + 100)
  void a.mesh.stop()
})

test('WK5 a walk through the log and a frontier are paid by how much was walked', () => {
  const world = createTestWorld(['a'], 0)
  const a = world.add('a')
  a.author(100, 40)
  world.time.advance(50)
  const charges: number[] = []
  const serve = createServe({
    host: a.host,
    credit: createSendCredit(),
    positions: createPositions(a.host),
    compression: null,
    isOpen: () => true,
    tellsDropped: true,
    bufferedBytes: () => 0,
    digest: () => new Uint8Array(16),
    digestKey: new Uint8Array(32),
    transmit: () => {},
    charge: (units) => void charges.push(units),
    served: () => {},
    count: () => {},
  })
  const arrivals = a.host.arrivals()
  serve.since(0)
  serve.since(arrivals)
  serve.have(0)
  serve.frontier([''])
  expect(charges[0]).toBeGreaterThan(arrivals)
  expect(charges[1]).toBe(0)
  expect(charges[2]).toBeGreaterThan(arrivals)
  expect(charges[3]).toBeGreaterThan(0)
  expect(charges).toHaveLength(4)
  void a.mesh.stop()
})

test('AE15 positions of chains that are not here are few, and cost those that are here nothing', () => {
  const here = new Set(['h1', 'h2'])
  const positions = createPositions({
    seqOf: (chain) => (here.has(chain) ? 1 : 0),
    commits: () => here.size,
    growth: createGrowth(),
    controlChain: 'control' as ChainId,
  })
  positions.reached('h1' as never, 5)
  for (let n = 0; n < 100_000; n++) positions.reached(`junk ${n}` as never, 1)
  positions.reached('h2' as never, 7)
  positions.reached('h1' as never, 3)
  expect([positions.of('h1' as never), positions.of('h2' as never), positions.size()]).toEqual([
    5,
    7,
    limits.unknown_chains_per_link_max + 2,
  ])
  // It comes here: what was said of it before counts, and no longer among the strangers.
  here.add('junk 99999')
  positions.reached('junk 99999' as never, 1)
  for (let n = 0; n < 5_000; n++) positions.reached(`more ${n}` as never, 1)
  expect(positions.of('junk 99999' as never)).toBe(1)
})

test('WK1 a member that floods is paced, not cut, and what it asked for is answered', () => {
  const world = createTestWorld(['a', 'b'], 0)
  const a = world.add('a')
  a.author(30, 40)
  world.time.advance(20)
  const raw = dialRaw(world, 'b', a.url)
  world.time.runUntil(raw.authenticated, 1_000)
  raw.say({ type: 'control', seq: 2 })
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 0,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  world.time.advance(20)
  const before = raw.frames.length
  for (let n = 0; n < 2_000; n++) raw.say({ type: 'since', cursor: 0 })
  world.time.advance(20)
  // The burst is spent.
  expect(a.mesh.counters()['frames_waiting']).toBeGreaterThan(1_500)
  world.time.advance(4_000)
  // Beside them the probe of a link that has nothing to say for a second.
  const answers = raw.frames.slice(before).filter((content) => content[1] === TAGS.runs)
  expect([raw.closed(), answers.length]).toEqual([null, 2_000])
  void a.mesh.stop()
})

test('WK4 a stranger that floods is closed by name', () => {
  const world = createTestWorld(['a'], 0)
  const a = world.add('a')
  const raw = dialRaw(world, 'stranger', a.url)
  world.time.runUntil(raw.authenticated, 1_000)
  for (let n = 0; n < 5_000; n++) raw.say({ type: 'want', runs: [{ chain: a.host.controlChain, from: 1, count: 1 }] })
  world.time.runUntil(() => raw.closed() !== null, 1_000)
  expect(raw.closed()).toBe('work_overrun')
  void a.mesh.stop()
})

test('AE14 acks over ever new chains cost what they hold, and no memory of each', () => {
  const world = createTestWorld(['a', 'b'])
  const a = world.add('a')
  const raw = dialRaw(world, 'b', a.url)
  world.time.runUntil(raw.authenticated, 1_000)
  raw.say({ type: 'control', seq: 2 })
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 0,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  world.time.advance(20)
  const chainOf = (n: number) => n.toString(16).padStart(32, '0') as never
  for (let n = 0; n < 200; n++) {
    const watermarks = Array.from({ length: 256 }, (_, i) => ({
      chain: chainOf(1 + n * 256 + i),
      seq: 1,
      hash: '0'.repeat(64) as never,
      whole: true,
    }))
    raw.say({
      type: 'ack',
      ack: signAck({ mesh: meshIdOfTests, voter: peerOf('b') satisfies PeerId, watermarks }, keysOf('b')),
    })
  }
  world.time.advance(3_000)
  expect(raw.closed()).toBeNull()
  expect(a.mesh.counters()['chains_under_way']).toBeLessThanOrEqual(limits.ahead_chains_per_link_max + 1)
  void a.mesh.stop()
})
