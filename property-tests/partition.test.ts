/**
 * Partitions, in memory: both sides go on, both values survive, one shows, and a settlement reaches everybody.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../crdt/ids.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const bob = 'ai:bob' as AgentId

let world: World
afterEach(() => world.stopAll())

const get = (peer: number, id: RecordId) => world.run(world.peer(peer).node.get(id, {})).then((answer) => answer!)

describe('a partition', () => {
  test('keeps both values of one field, shows one, and settles everywhere', async () => {
    world = await createWorld({ peers: 3, seed: 7 })
    const made = (await world.run(
      world
        .peer(0)
        .node.remember(
          ns,
          { content: 'the deploy key lives in the vault', title: 'deploy key', tags: ['ops'] },
          { agent, quorum: 3 },
        ),
    ))!
    world.partition([0], [1, 2])
    await world.run(world.peer(0).node.patch(made.id, { title: 'left', tags: ['ops', 'left'] }, { agent, quorum: 1 }))
    await world.run(world.peer(1).node.patch(made.id, { title: 'right', tags: ['right'] }, { agent: bob, quorum: 1 }))
    expect((await get(0, made.id)).memory.title).toBe('left')
    expect((await get(1, made.id)).memory.title).toBe('right')

    world.network.heal()
    await world.agree()
    for (const peer of [0, 1, 2]) {
      const { memory, conflicts } = await get(peer, made.id)
      // Later in (hlc, event id): the right side wrote second.
      expect(memory.title).toBe('right')
      // Add wins over nothing; the removal of 'ops' was concurrent with no new add of it.
      expect(memory.tags).toEqual(['left', 'right'])
      expect(conflicts.map(({ field }) => field)).toEqual(['title'])
      expect(conflicts[0]!.values.map(({ value, agent_id, shown }) => [value, agent_id, shown])).toEqual([
        ['right', bob, true],
        ['left', agent, false],
      ])
    }

    const values = (await get(2, made.id)).conflicts[0]!.values
    await world.run(
      world
        .peer(2)
        .node.resolve(
          made.id,
          { field: 'title', event_id: values.find(({ value }) => value === 'left')!.event_id },
          { agent },
        ),
    )
    await world.agree()
    for (const peer of [0, 1, 2]) {
      const { memory, conflicts } = await get(peer, made.id)
      expect(memory.title).toBe('left')
      expect(conflicts).toEqual([])
    }
  })

  test('one request retried with its key on another peer during a partition is one memory after healing', async () => {
    world = await createWorld({ peers: 3, seed: 8 })
    world.partition([0], [1, 2])
    const request = { content: 'retry me', title: 'once', tags: ['a'], metadata: { attempt: 'same' } }
    const options = { agent, quorum: 1, idempotency_key: 'k-1' }
    const first = (await world.run(world.peer(0).node.remember(ns, request, options)))!
    const again = (await world.run(world.peer(0).node.remember(ns, request, options)))!
    const elsewhere = (await world.run(world.peer(1).node.remember(ns, request, options)))!
    expect([again.id, elsewhere.id]).toEqual([first.id, first.id])
    expect(again.event_id).toBe(first.event_id)
    await expect(
      world.run(world.peer(0).node.remember(ns, { ...request, content: 'another body' }, options)),
    ).rejects.toMatchObject({ code: 'idempotency_conflict' })

    world.network.heal()
    await world.agree()
    for (const peer of [0, 1, 2]) {
      const { memory, conflicts } = await get(peer, first.id)
      expect([memory.content, memory.title, memory.tags, conflicts]).toEqual(['retry me', 'once', ['a'], []])
      expect((await world.run(world.peer(peer).node.history(first.id, {})))!.rows).toHaveLength(1)
    }
    // Whoever changes it now settles both twins: no conflict appears.
    await world.run(world.peer(2).node.patch(first.id, { title: 'changed' }, { agent, quorum: 3 }))
    await world.agree()
    expect((await get(0, first.id)).memory.title).toBe('changed')
    expect((await get(0, first.id)).conflicts).toEqual([])
  })

  test('a memory forgotten on one side and edited on the other is hidden, kept, and can be brought back', async () => {
    world = await createWorld({ peers: 3, seed: 9 })
    const made = (await world.run(world.peer(0).node.remember(ns, { content: 'x' }, { agent, quorum: 3 })))!
    world.partition([0], [1, 2])
    await world.run(world.peer(0).node.forget(made.id, { agent, quorum: 1, erase: false }))
    await world.run(world.peer(1).node.patch(made.id, { priority: 9 }, { agent: bob, quorum: 1 }))
    world.network.heal()
    await world.agree()
    for (const peer of [0, 1, 2]) {
      await expect(world.run(world.peer(peer).node.get(made.id, {}))).rejects.toMatchObject({ code: 'not_found' })
      const [conflict] = (await world.run(world.peer(peer).node.conflicts(made.id, {})))!.rows
      expect(conflict).toMatchObject({
        field: 'forgotten',
        values: [
          { value: true, agent_id: agent, shown: true },
          { value: false, agent_id: bob, shown: false },
        ],
      })
    }
    await world.run(world.peer(1).node.resolve(made.id, { field: 'forgotten', value: false }, { agent: bob }))
    await world.agree()
    expect((await get(0, made.id)).memory.priority).toBe(9)
  })

  test('the minority answers 503 with the write kept, and the majority goes on', async () => {
    world = await createWorld({ peers: 3, seed: 10 })
    world.partition([0], [1, 2])
    const lonely = world.peer(0).node.remember(ns, { content: 'alone' }, { agent, timeout_ms: 500 })
    const failure = await world.run(lonely).then(
      () => null,
      (error: { code: string; fields: Record<string, unknown> }) => error,
    )
    expect(failure).toMatchObject({ code: 'quorum_not_met', fields: { got: 1, needed: 2, local_committed: true } })
    await world.run(world.peer(1).node.remember(ns, { content: 'together' }, { agent }))
    world.network.heal()
    await world.agree()
    expect((await get(2, failure!.fields['id'] as RecordId)).memory.content).toBe('alone')
  })
})
