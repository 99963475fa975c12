/**
 * Clocks that are wrong: nothing is sealed by one, health says which it is and by how much, and when it is right again all goes on by itself.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { encodeInvite, encodeJoin } from '../../crdt/invite.ts'
import type { AgentId, Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import { createWorld, type World } from '../testing/world.ts'

const ns = 'default' as Namespace
const agent = 'ai:a' as AgentId
const YEAR_MS = 365 * 86_400_000
const HOUR_MS = 3_600_000
let world: World
afterEach(() => world.stopAll())

const passing = (ms: number): Promise<void> =>
  world.run(new Promise<void>((resolve) => void world.time.after(ms, resolve)), ms + 60_000) as Promise<void>
const write = (peer: number, quorum?: number): Promise<unknown> =>
  world.run<unknown>(
    world
      .peer(peer)
      .node.remember(
        ns,
        { content: `of ${peer}` },
        { agent, timeout_ms: 2_000, ...(quorum !== undefined && { quorum }) },
      )
      .then(
        ({ id }) => id,
        (reason: unknown) => reason,
      ),
  )
const reasons = async (peer: number): Promise<string> =>
  (await world.run(world.peer(peer).node.health()))!.reasons.join('\n')

describe.each([YEAR_MS, -YEAR_MS, HOUR_MS, -HOUR_MS])('a clock that steps by %s ms', (jump) => {
  test('one of three: its peer writes nothing, says so, and the others go on; right again, it writes at once', async () => {
    world = await createWorld({ peers: 3, seed: 1, dials: (peer) => [0, 1, 2].filter((other) => other < peer) })
    await passing(1_500)
    expect(await write(2)).toEqual(expect.any(String))
    world.clockAheadMs[2] = jump
    const startMs = world.time.now()
    expect(await write(2)).toMatchObject({ code: 'clock_off', status: 503, fields: { local_committed: false } })
    expect(world.time.now() - startMs).toBeLessThanOrEqual(10)
    const apart = `${jump === YEAR_MS || jump === -YEAR_MS ? '365 days' : '60 min'} ${jump > 0 ? 'ahead of' : 'behind'}`
    expect((await world.run(world.peer(2).node.health()))!.writes).toBe(false)
    expect(await reasons(2)).toMatch(new RegExp(`this peer's clock is ${apart} the voters' .*peer-`))
    // The others see it by the next answer to a ping, and go on with its disk.
    await passing(12_000)
    expect(await reasons(0)).toMatch(new RegExp(`the clock of peer-2 is ${apart} the voters'`))
    expect(await write(0, 3)).toEqual(expect.any(String))
    expect(await write(1, 3)).toEqual(expect.any(String))
    world.clockAheadMs[2] = 0
    expect(await write(2)).toEqual(expect.any(String))
    await passing(2_500)
    expect(await reasons(0)).toBe('')
    await world.agree()
  })

  test('one of two: neither is believed, both say so, and both go on within seconds', async () => {
    world = await createWorld({ peers: 2, seed: 2 })
    await passing(1_500)
    world.clockAheadMs[1] = jump
    await passing(12_000)
    for (const peer of [0, 1]) {
      expect(await write(peer, 1)).toMatchObject({ code: 'clock_off', fields: { local_committed: false } })
      expect(await reasons(peer)).toMatch(/too few agree to tell which is wrong/)
    }
    world.clockAheadMs[1] = 0
    await passing(2_500)
    for (const peer of [0, 1]) expect(await write(peer, 2)).toEqual(expect.any(String))
    await world.agree()
  })
})

test('after a start nothing is sealed before the others were heard', async () => {
  world = await createWorld({ peers: 3, seed: 3 })
  await world.stop(2)
  world.clockAheadMs[2] = YEAR_MS
  await world.start(2)
  expect(await write(2)).toMatchObject({ code: 'clock_off' })
  expect(world.peer(2).replica.index.chains.size).toBe(world.peer(0).replica.index.chains.size)
})

test('alone a clock is believed; cut off it is believed when nobody was heard for ten minutes', async () => {
  world = await createWorld({ peers: 3, seed: 4 })
  await passing(1_500)
  world.partition([0, 1], [2])
  await passing(30_000)
  world.clockAheadMs[2] = HOUR_MS
  expect(await write(2, 1)).toMatchObject({ code: 'clock_off' })
  await passing(limits.clock_reading_ms_max)
  expect(await write(2, 1)).toEqual(expect.any(String))
})

test('the authority seals no statement by a clock that is off, and one that it did seal stands in the way of nothing', async () => {
  world = await createWorld({ peers: 3, seed: 5 })
  await passing(1_500)
  const keys = keyPairFromSeed(new Uint8Array(32).fill(9))
  const invite = encodeInvite(
    {
      mesh: world.peer(0).replica.index.mesh,
      id: 'ab'.repeat(16),
      role: 'voter',
      expiresMs: world.time.now() + 2 * YEAR_MS,
      urls: [],
    },
    world.authority,
  )
  world.clockAheadMs[0] = YEAR_MS
  await expect(world.run(world.peer(0).node.join(encodeJoin(invite, 'late', keys)))).rejects.toMatchObject({
    code: 'clock_off',
  })
  world.clockAheadMs[0] = 0
  expect(await world.run(world.peer(0).node.join(encodeJoin(invite, 'late', keys)))).toHaveLength(2)
})

test('a write that waits for clocks when its peer stops is answered', async () => {
  world = await createWorld({ peers: 2, seed: 6 })
  world.partition([0], [1])
  await world.stop(1)
  await world.start(1)
  const asked = world
    .peer(1)
    .node.remember(ns, { content: 'early' }, { agent, quorum: 1 })
    .then(
      () => 'stored',
      (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
    )
  await passing(100)
  await world.stop(1)
  expect(await world.run(asked)).toBe('shutting_down')
  await world.start(1)
})
