/** Forks on the wire, found: what PROTOCOL FK6–FK8 promise, over the network in memory. */
import { expect, test } from 'vitest'
import { sha256 } from '../crdt/hash.ts'
import type { ChainId } from '../crdt/ids.ts'
import {
  ackOf,
  add,
  CHAIN,
  closings,
  counter,
  ended,
  fork,
  framesOf,
  give,
  openRaw,
  up,
  wants,
} from './forks.test-support.ts'
import { branchOf, chainOfPeer, peerOf } from './test-host.ts'
import { createTestWorld, type TestPeer } from './test-world.ts'

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
  expect([counter(a, 'chains_under_way'), counter(b, 'chains_under_way'), closings(a), closings(b)]).toEqual([
    0,
    0,
    [],
    [],
  ])
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
  expect(wants(raw)).toEqual([
    { chain: CHAIN, from: 4, count: 2 },
    { chain: CHAIN, from: 3, count: 1 },
  ])
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
  expect(wants(raw)).toEqual([
    { chain: CHAIN, from: 1, count: 3 },
    { chain: CHAIN, from: 4, count: 2 },
  ])
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
  // A probe a second and its answer among them.
  expect(framesOf(a, b) - frames).toBeLessThan(260)
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
  expect(framesOf(a, b) - frames).toBeLessThan(260)
  a.author(3)
  b.author(4)
  expect(world.time.runUntil(() => a.seqOf(b.chain) === 4 && b.seqOf(a.chain) === 3, 1_000)).toBe(true)
})

/** Numbers below `n`, the same for the same seed. */
const dice = (seed: string): ((n: number) => number) => {
  let draws = 0
  return (n) => {
    const bytes = sha256(seed, String(draws++))
    return (bytes[0]! * 65_536 + bytes[1]! * 256 + bytes[2]!) % n
  }
}

test.each(Array.from({ length: 10 }, (_, n) => `seed ${n}`))(
  'FK6 whatever the network does, all find the lowest place where histories part: %s',
  (seed) => {
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
    const inStep = (): boolean =>
      all.every(
        (peer) =>
          peer.digest() === all[0]!.digest() && chains.every((chain) => peer.host.forkAt(chain) === lowest.get(chain)),
      )
    expect(world.time.runUntil(inStep, 120_000), seed).toBe(true)
    world.time.advance(60_000)
    expect([inStep(), all.map((peer) => counter(peer, 'chains_under_way')), all.flatMap(closings)], seed).toEqual([
      true,
      [0, 0, 0, 0],
      [],
    ])
    const frames = framesOf(...all)
    world.time.advance(60_000)
    // A probe a second and its answer on each link that is idle.
    expect(framesOf(...all) - frames, seed).toBeLessThan(650)
  },
)
