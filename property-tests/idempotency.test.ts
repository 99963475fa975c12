/**
 * Requests repeated: whatever is asked twice under one key, on one peer, on two, at once or across a partition, is one event,
 * answered as it was the first time.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../crdt/ids.ts'
import type { Node, WriteOptions, Written } from '../src/api.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const bob = 'ai:bob' as AgentId
const under = (key: string, more: Partial<WriteOptions> = {}): WriteOptions => ({
  agent,
  quorum: 1,
  idempotency_key: key,
  ...more,
})

let world: World
afterEach(() => world.stopAll())
const node = (peer: number): Node => world.peer(peer).node
const run = async <T>(promise: Promise<T>): Promise<T> => (await world.run(promise)) as T
/** Lets clocks go on, so that what is asked next is later everywhere. */
const later = (): Promise<void> => run(new Promise<void>((resolve) => void world.time.after(50, resolve)))
const make = (content: string, more: object = {}) =>
  run(node(0).remember(ns, { content, ...more }, { agent, quorum: 3 }))
const history = async (peer: number, id: RecordId) => (await run(node(peer).history(id, {}))).rows

type Write = (peer: number, key: string) => Promise<Written>
/** Every kind of write, on memories that are made for it. */
const writes = async (): Promise<Readonly<Record<string, Write>>> => {
  const [a, b, c, d, e, f] = [
    await make('patched', { tags: ['old'] }),
    await make('forgotten'),
    await make('erased'),
    await make('restored'),
    await make('from'),
    await make('to'),
  ] as const
  await run(node(0).forget(d.id, { agent, quorum: 3, erase: false }))
  await run(node(0).link({ from: f.id, to: e.id, relation: 'old' }, { agent, quorum: 3 }))
  return {
    put: (peer, key) =>
      node(peer).remember(ns, { content: 'made', title: 't', tags: ['x', 'y'], metadata: { a: 1 } }, under(key)),
    patch: (peer, key) => node(peer).patch(a.id, { content: 'changed', tags: ['new'], priority: 7 }, under(key)),
    forget: (peer, key) => node(peer).forget(b.id, { ...under(key), erase: false }),
    erase: (peer, key) => node(peer).forget(c.id, { ...under(key), erase: true }),
    restore: (peer, key) => node(peer).restore(d.id, under(key)),
    link: (peer, key) =>
      node(peer).link({ from: e.id, to: f.id, relation: 'about', valid_from: '2026-01-01T00:00:00.000Z' }, under(key)),
    unlink: (peer, key) => node(peer).unlink({ from: f.id, to: e.id, relation: 'old' }, under(key)),
    episode: (peer, key) =>
      node(peer).appendEpisode(ns, { event_type: 'seen', sender: 's', body: { text: 'hello' } }, under(key)),
  }
}
const eventsOn = async (peer: number): Promise<readonly string[]> =>
  (await run(node(peer).events(undefined, { limit: 500 }))).events.map(({ event_id }) => event_id)

describe('a write of any kind, repeated under its key', () => {
  test(
    'is answered as it was, on the same peer and on another that has it, and makes one event',
    { timeout: 30_000 },
    async () => {
      world = await createWorld({ peers: 3, seed: 21 })
      for (const [kind, write] of Object.entries(await writes())) {
        const first = await run(write(0, kind))
        const again = await run(write(0, kind))
        await world.agree()
        const elsewhere = await run(write(1, kind))
        expect([kind, again.id, again.event_id, elsewhere.id, elsewhere.event_id]).toEqual([
          kind,
          first.id,
          first.event_id,
          first.id,
          first.event_id,
        ])
        await world.agree()
        for (const peer of [0, 1, 2])
          expect([kind, (await eventsOn(peer)).filter((id) => id === first.event_id)]).toEqual([kind, [first.event_id]])
      }
      const commits = (await run(node(0).events(undefined, { limit: 500 }))).events
      expect(new Set(commits.map(({ event_id }) => event_id)).size).toBe(commits.length)
    },
  )

  test('asked for three times at once is one event', { timeout: 30_000 }, async () => {
    world = await createWorld({ peers: 3, seed: 22 })
    for (const [kind, write] of Object.entries(await writes())) {
      const answers = await run(Promise.all([write(0, kind), write(0, kind), write(0, kind)]))
      expect([kind, new Set(answers.map(({ event_id }) => event_id)).size]).toEqual([kind, 1])
      expect([kind, new Set(answers.map(({ receipt }) => receipt.commit)).size]).toEqual([kind, 1])
    }
  })

  test('waits for the quorum of the event that is there', async () => {
    world = await createWorld({ peers: 3, seed: 23 })
    const { id } = await make('x')
    world.partition([0], [1, 2])
    const patch = (quorum: number) => run(node(0).patch(id, { title: 'new' }, under('k', { quorum, timeout_ms: 500 })))
    const first = await patch(1)
    await expect(patch(2)).rejects.toMatchObject({
      code: 'quorum_not_met',
      fields: { id, event_id: first.event_id, got: 1, needed: 2, local_committed: true },
    })
    world.network.heal()
    await world.agree()
    expect(await patch(3)).toMatchObject({ event_id: first.event_id, quorum_acks: 3 })
    expect(await history(0, id)).toHaveLength(2)
  })

  test('survives a restart', async () => {
    world = await createWorld({ peers: 1, seed: 24 })
    const { id } = await run(node(0).remember(ns, { content: 'x' }, { agent }))
    const first = await run(node(0).forget(id, { ...under('k'), erase: false }))
    await world.stop(0)
    await world.start(0)
    expect((await run(node(0).forget(id, { ...under('k'), erase: false }))).event_id).toBe(first.event_id)
    expect(await history(0, id)).toHaveLength(2)
  })

  test('is a conflict with another body, another memory or another kind; scopes are apart', async () => {
    world = await createWorld({ peers: 3, seed: 25 })
    const [a, b] = [await make('a', { tags: ['t'] }), await make('b')]
    const first = await run(node(0).patch(a.id, { content: 'changed', tags: ['u'] }, under('k')))
    const refused = { code: 'idempotency_conflict', status: 409 }
    const others: readonly (() => Promise<unknown>)[] = [
      () => node(0).patch(a.id, { content: 'other', tags: ['u'] }, under('k')),
      () => node(0).patch(a.id, { content: 'changed', tags: ['v'] }, under('k')),
      () => node(0).patch(a.id, { content: 'changed' }, under('k')),
      () => node(0).patch(a.id, { content: 'changed', tags: ['u'], priority: 1 }, under('k')),
      () => node(0).patch(b.id, { content: 'changed', tags: ['u'] }, under('k')),
      () => node(0).forget(a.id, { ...under('k'), erase: false }),
      () => node(0).remember(ns, { content: 'changed' }, under('k')),
      () => node(0).appendEpisode(ns, { event_type: 'changed' }, under('k')),
      () => node(0).link({ from: a.id, to: b.id, relation: 'r' }, under('k')),
    ]
    for (const other of others) await expect(run(other())).rejects.toMatchObject(refused)
    expect(await history(0, a.id)).toHaveLength(2)
    expect(
      (await run(node(0).patch(a.id, { content: 'changed', tags: ['u'] }, under('k', { agent: bob })))).event_id,
    ).not.toBe(first.event_id)
  })

  test('of what has been erased since is answered as it was, for nobody can compare it any more', async () => {
    world = await createWorld({ peers: 1, seed: 26 })
    const first = await run(node(0).remember(ns, { content: 'secret' }, under('k')))
    await run(node(0).forget(first.id, { agent, erase: true }))
    expect((await run(node(0).remember(ns, { content: 'guess' }, under('k')))).event_id).toBe(first.event_id)
  })

  test('settles once', async () => {
    world = await createWorld({ peers: 3, seed: 27 })
    const { id } = await make('x')
    world.partition([0], [1, 2])
    await run(node(0).patch(id, { title: 'left' }, { agent, quorum: 1 }))
    await run(node(1).patch(id, { title: 'right' }, { agent: bob, quorum: 1 }))
    world.network.heal()
    await world.agree()
    const [conflict] = (await run(node(0).conflicts(id, {}))).rows
    const event_id = conflict!.values.find(({ value }) => value === 'left')!.event_id
    const first = await run(node(0).resolve(id, { field: 'title', event_id }, under('k')))
    await world.agree()
    expect((await run(node(2).resolve(id, { field: 'title', event_id }, under('k')))).event_id).toBe(first.event_id)
    await expect(run(node(2).resolve(id, { field: 'content', event_id }, under('k')))).rejects.toMatchObject({
      code: 'idempotency_conflict',
    })
    expect((await run(node(1).get(id, {}))).memory.title).toBe('left')
  })
})

describe('a write raced on two peers, across a partition', () => {
  test('happened once, at its earliest copy: what others changed in between stands', { timeout: 30_000 }, async () => {
    world = await createWorld({ peers: 3, seed: 31 })
    const { id } = await make('x', { title: 'first', tags: ['old'] })
    world.partition([0], [1, 2])
    const patch = (peer: number) =>
      run(node(peer).patch(id, { title: 'asked', content: 'asked', tags: ['asked'] }, under('k')))
    const first = await patch(0)
    await later()
    await run(node(1).patch(id, { title: 'somebody else', priority: 9 }, { agent: bob, quorum: 1 }))
    await run(node(1).forget(id, { agent: bob, quorum: 1, erase: false }))
    await run(node(1).restore(id, { agent: bob, quorum: 1 }))
    // Late, and on top of what somebody else said: there it would win.
    expect((await patch(2)).event_id).toBe(first.event_id)
    expect((await run(node(2).get(id, {}))).memory.title).toBe('asked')
    world.network.heal()
    await world.agree()
    for (const peer of [0, 1, 2]) {
      const { memory, conflicts } = await run(node(peer).get(id, {}))
      expect(memory).toMatchObject({
        title: 'somebody else',
        content: 'asked',
        tags: ['asked'],
        priority: 9,
        forgotten: false,
      })
      expect(conflicts.map(({ field, values }) => [field, values.map(({ value }) => value)])).toEqual([
        ['title', ['somebody else', 'asked']],
      ])
      expect((await history(peer, id)).filter(({ event_id }) => event_id === first.event_id)).toHaveLength(1)
      expect((await eventsOn(peer)).filter((event) => event === first.event_id)).toHaveLength(1)
    }
    expect(
      new Set(await Promise.all([0, 1, 2].map(async (peer) => (await run(node(peer).get(id, {}))).memory.version)))
        .size,
    ).toBe(1)
    // Whoever has seen it settles it, over all copies.
    await run(node(2).patch(id, { title: 'settled' }, { agent, quorum: 3 }))
    await world.agree()
    for (const peer of [0, 1, 2])
      expect(await run(node(peer).get(id, {}))).toMatchObject({ memory: { title: 'settled' }, conflicts: [] })
  })

  test('a deletion repeated late does not undo a restore', { timeout: 30_000 }, async () => {
    world = await createWorld({ peers: 3, seed: 32 })
    const { id } = await make('x')
    world.partition([0], [1, 2])
    const forget = (peer: number) => run(node(peer).forget(id, { ...under('k'), erase: false }))
    await forget(0)
    await later()
    await run(node(1).patch(id, { priority: 2 }, { agent: bob, quorum: 1 }))
    await forget(1)
    world.network.heal()
    await world.agree()
    await run(node(2).restore(id, { agent: bob, quorum: 3 }))
    await world.agree()
    for (const peer of [0, 1, 2]) {
      expect(await run(node(peer).get(id, {}))).toMatchObject({
        memory: { priority: 2, forgotten: false },
        conflicts: [],
      })
      expect((await history(peer, id)).map(({ kind }) => kind)).toEqual([
        'memory.put',
        'memory.forget',
        'memory.patch',
        'memory.restore',
      ])
    }
  })

  test(
    'a memory made twice and changed between is one memory, with the change and without a conflict',
    { timeout: 30_000 },
    async () => {
      world = await createWorld({ peers: 3, seed: 33 })
      world.partition([0], [1, 2])
      const put = (peer: number) =>
        run(node(peer).remember(ns, { content: 'made', title: 'made', tags: ['a'] }, under('k')))
      const { id } = await put(0)
      await later()
      await run(node(0).patch(id, { title: 'changed', tags: [] }, { agent, quorum: 1 }))
      await put(1)
      world.network.heal()
      await world.agree()
      for (const peer of [0, 1, 2])
        expect(await run(node(peer).get(id, {}))).toMatchObject({
          memory: { content: 'made', title: 'changed', tags: [] },
          conflicts: [],
        })
    },
  )

  test(
    'another body under the key loses nothing: both stand side by side, and in the history',
    { timeout: 30_000 },
    async () => {
      world = await createWorld({ peers: 3, seed: 34 })
      const { id } = await make('x')
      world.partition([0], [1, 2])
      const first = await run(node(0).patch(id, { title: 'one', priority: 1 }, under('k')))
      await later()
      await run(node(1).patch(id, { title: 'other', priority: 1 }, under('k')))
      world.network.heal()
      await world.agree()
      for (const peer of [0, 1, 2]) {
        const { memory, conflicts } = await run(node(peer).get(id, {}))
        expect([memory.title, memory.priority]).toEqual(['one', 1])
        expect(
          conflicts.map(({ field, values }) => [field, values.map(({ value, event_id }) => [value, event_id])]),
        ).toEqual([
          [
            'title',
            [
              ['one', first.event_id],
              ['other', first.event_id],
            ],
          ],
        ])
        expect((await history(peer, id)).map(({ set }) => set['title'])).toEqual([undefined, 'one', 'other'])
        await expect(run(node(peer).patch(id, { title: 'third', priority: 1 }, under('k')))).rejects.toMatchObject({
          code: 'idempotency_conflict',
        })
      }
      await run(node(2).resolve(id, { field: 'title', value: 'other' }, { agent, quorum: 3 }))
      expect(await run(node(2).get(id, {}))).toMatchObject({ memory: { title: 'other' }, conflicts: [] })
    },
  )

  test('links and episodes are one', { timeout: 30_000 }, async () => {
    world = await createWorld({ peers: 3, seed: 35 })
    const [from, to] = [await make('from'), await make('to')]
    world.partition([0], [1, 2])
    const link = (peer: number) => run(node(peer).link({ from: from.id, to: to.id, relation: 'about' }, under('l')))
    const episode = (peer: number) =>
      run(node(peer).appendEpisode(ns, { event_type: 'seen', body: { text: 'hello' } }, under('e')))
    await link(0)
    const first = await episode(0)
    await later()
    await link(1)
    await run(node(1).unlink({ from: from.id, to: to.id, relation: 'about' }, { agent: bob, quorum: 1 }))
    await link(2)
    expect((await episode(1)).event_id).toBe(first.event_id)
    world.network.heal()
    await world.agree()
    for (const peer of [0, 1, 2]) {
      expect((await run(node(peer).links(from.id, {}))).rows).toEqual([])
      expect((await eventsOn(peer)).filter((event) => event === first.event_id)).toHaveLength(1)
    }
  })
})

describe('a text that was erased', () => {
  test('is not confirmed by who knows namespace, agent and key: equal requests have salts of their own', async () => {
    world = await createWorld({ peers: 2, seed: 28 })
    world.partition([0], [1])
    const put = (peer: number) => run(node(peer).remember(ns, { content: 'the same text' }, under('k')))
    expect((await put(0)).event_id).toBe((await put(1)).event_id)
    const refs = world.disks.map((disk) => [...disk.bodyByRef.keys()])
    expect(refs.map(({ length }) => length)).toEqual([1, 1])
    expect(refs[0]).not.toEqual(refs[1])
  })
})
