/**
 * What a policy lets go, between real peers: texts of older versions and nothing else, digests as before, and nobody waits for what is gone.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId, Ref } from '../../crdt/ids.ts'
import { createWorld, type World } from '../testing/world.ts'
import { keepHistoryText, readKeepHistory, type KeepHistory } from './old-texts.ts'

const agent = 'ai:alice' as AgentId
const NS = 'team/api' as Namespace
const SWEPT_MS = 70_000
let world: World
afterEach(() => world.stopAll())

/** Peer 1 keeps so much. Everybody dials everybody. */
const start = async (keep: KeepHistory, peers = 2): Promise<void> => {
  world = await createWorld({
    peers,
    seed: 77,
    dials: (peer) => Array.from({ length: peers }, (_, other) => other).filter((other) => other !== peer),
    keepHistory: (peer) => (peer === 1 ? keep : null),
  })
}
const pass = (ms: number): Promise<unknown> => {
  const end = world.time.now() + ms
  return world.run(() => world.time.now() >= end, 2 * ms)
}
const say = async (content: string, quorum = 2): Promise<RecordId> =>
  (await world.run(world.peer(0).node.remember(NS, { content, title: 'first' }, { agent, quorum })))!.id
const patch = async (id: RecordId, content: string, quorum = 2, peer = 0): Promise<number> =>
  (await world.run(world.peer(peer).node.patch(id, { content }, { agent, quorum })))!.quorum_acks
const contents = async (peer: number, id: RecordId): Promise<readonly unknown[]> =>
  (await world.run(world.peer(peer).node.history(id, {})))!.rows.map(({ set, dropped }) =>
    (dropped ?? []).includes('content') ? 'dropped by policy' : set['content'],
  )
const storage = async (peer: number) => (await world.run(world.peer(peer).node.storage(), 120_000))!
const refOf = (peer: number, text: string): Ref => {
  const found = [...world.disks[peer]!.bodyByRef.values()].find((body) => Buffer.from(body.text).toString() === text)
  return found!.ref
}

test('the newest so many stay, on that peer alone, and all digests are equal', { timeout: 60_000 }, async () => {
  await start({ versions: 2 })
  const id = await say('one')
  for (const text of ['two', 'three', 'four']) await patch(id, text)
  await pass(SWEPT_MS)
  expect(await contents(1, id)).toEqual(['dropped by policy', 'dropped by policy', 'three', 'four'])
  expect(await contents(0, id)).toEqual(['one', 'two', 'three', 'four'])
  await world.agree()
  const { texts, policy } = await storage(1)
  expect([texts.dropped.texts, texts.older.texts, texts.missing.texts]).toEqual([2, 1, 0])
  expect(policy).toEqual({ keep_history: '2', due: 0 })
  expect((await storage(0)).policy).toEqual({ keep_history: null, due: 0 })
  // The title was set once and shows: however old, it stays. As of then the text is told to be gone.
  const [then] = (await world.run(world.peer(1).node.history(id, {})))!.rows
  const { memory } = (await world.run(world.peer(1).node.get(id, { as_of: then!.at })))!
  expect([memory.title, memory.content, memory.dropped]).toEqual(['first', null, ['content']])
  // A start finds it so, and waits for nothing.
  await world.stop(1)
  await world.start(1)
  expect((await contents(1, id))[0]).toBe('dropped by policy')
  expect(world.peer(1).replica.missing.size).toBe(0)
  expect(await patch(id, 'five')).toBe(2)
})

test('by time: from when another took its place, and no value of a conflict', { timeout: 60_000 }, async () => {
  await start({ ms: 200_000 })
  const id = await say('one')
  await pass(100_000)
  await patch(id, 'two')
  world.partition([0], [1])
  for (const peer of [0, 1]) await patch(id, `at ${peer}`, 1, peer)
  world.network.heal()
  await world.agree()
  await pass(120_000)
  expect(await contents(1, id)).toContain('one')
  expect((await storage(1)).policy.due).toBe(0)
  await pass(120_000)
  expect((await contents(1, id)).map(String).toSorted()).toEqual([
    'at 0',
    'at 1',
    'dropped by policy',
    'dropped by policy',
  ])
  expect((await world.run(world.peer(1).node.conflicts(id, {})))!.rows).toHaveLength(1)
})

test('a clock that is off lets nothing go', { timeout: 60_000 }, async () => {
  await start({ ms: 3_600_000 }, 3)
  const id = await say('one', 3)
  await patch(id, 'two', 3)
  world.clockAheadMs[1] = 4 * 3_600_000
  await pass(SWEPT_MS * 2)
  expect(world.peer(1).replica.clockIsOff(world.time.now() + world.clockAheadMs[1])).not.toBeNull()
  expect(await contents(1, id)).toEqual(['one', 'two'])
})

describe('who comes later, while only the peer with the policy is there', () => {
  const late = async (): Promise<RecordId> => {
    await start({ versions: 1 }, 3)
    await world.stop(2)
    const id = await say('one')
    await patch(id, 'two')
    await pass(SWEPT_MS)
    await world.stop(0)
    return id
  }

  test('waits for no older version, and its acks count', { timeout: 60_000 }, async () => {
    const id = await late()
    await world.start(2)
    await world.agree([1, 2])
    await pass(SWEPT_MS)
    expect(world.peer(2).replica.missing.size).toBe(0)
    expect(await contents(2, id)).toEqual(['dropped by policy', 'two'])
    expect((await storage(2)).texts).toMatchObject({ dropped: { texts: 1 }, missing: { texts: 0 } })
    expect(await patch(id, 'three', 2, 1)).toBe(2)
    await world.start(0)
    await world.agree()
    expect(await patch(id, 'four', 3)).toBe(3)
    expect(await contents(0, id)).toEqual(['one', 'two', 'three', 'four'])
    await world.stop(2)
    await world.start(2)
    expect(world.peer(2).replica.missing.size).toBe(0)
  })

  test('waits for a text that is shown, whatever the other says', { timeout: 60_000 }, async () => {
    const id = await late()
    const shown = refOf(1, 'two')
    world.disks[1]!.bodyByRef.delete(shown)
    world.disks[1]!.dropped.add(shown)
    await world.start(2)
    await world.agree([1, 2])
    await pass(SWEPT_MS)
    expect(world.peer(2).replica.missing.placesOf(shown)).toHaveLength(1)
    await world.start(0)
    await world.agree()
    await world.run(() => world.peer(2).replica.missing.size === 0, 120_000)
    expect((await contents(2, id))[1]).toBe('two')
  })
})

test('how much is kept, as it is typed', () => {
  expect(['30d', '12h', '90m', '45s', '5'].map(readKeepHistory)).toEqual([
    { ms: 2_592_000_000 },
    { ms: 43_200_000 },
    { ms: 5_400_000 },
    { ms: 45_000 },
    { versions: 5 },
  ])
  for (const text of ['', '0', '0d', '-1d', '1.5h', '1w', '5 ', 'ever', '9999999999'])
    expect([text, readKeepHistory(text)]).toEqual([text, null])
  for (const text of ['30d', '7h', '90m', '45s', '5']) expect(keepHistoryText(readKeepHistory(text)!)).toBe(text)
})
