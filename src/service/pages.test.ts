/** Histories, links, conflicts and events too long for one answer: all of it by pages, each in short turns. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Conflict, Paged } from '../api.ts'
import { longestTurn, TICK_MS } from '../testing/turn-cpu.ts'
import { createWorld, type World } from '../testing/world.ts'
import { conflictsPage } from './pages.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const VERSIONS = 1_500
const LINKS = 450
/** What the contract allows, and what the clock is wrong by. */
const TURN_MS_MAX = 50 + TICK_MS

let world: World
let memory: RecordId
beforeAll(async () => {
  world = await createWorld({ peers: 1, seed: 3 })
  const { node } = world.peer(0)
  memory = (await world.run(node.remember(ns, { content: 'the first' }, { agent })))!.id
  for (let done = 1; done < VERSIONS;) {
    const some = Math.min(100, VERSIONS - done)
    await world.run(
      Promise.all(
        Array.from({ length: some }, (_, i) =>
          node.patch(memory, { content: `version ${done + i} ${'x'.repeat(500)}` }, { agent }),
        ),
      ),
    )
    done += some
  }
  const others = (await world.run(
    node.rememberMany(
      Array.from({ length: LINKS }, (_, i) => ({ namespace: ns, input: { content: `end ${i}` } })),
      { agent },
    ),
  ))!
  for (let i = 0; i < LINKS; i += 50)
    await world.run(
      Promise.all(
        others.ids.slice(i, i + 50).map((to) => node.link({ from: memory, to: to!, relation: 'r' }, { agent })),
      ),
    )
}, 120_000)
afterAll(() => world.stopAll())

/** Every page, and how long the longest turn of any was. */
const all = async <Row>(
  ask: (cursor: string | undefined) => Promise<Paged<Row>>,
): Promise<{ rows: Row[]; pages: number; ms: number }> => {
  const rows: Row[] = []
  let [pages, ms] = [0, 0]
  for (let cursor: string | undefined; ;) {
    const page = await longestTurn(async () => (await world.run(ask(cursor)))!)
    for (const row of page.value.rows) rows.push(row)
    pages++
    ms = Math.max(ms, page.ms)
    if (page.value.next_cursor === null) return { rows, pages, ms }
    expect(page.value.next_cursor).not.toBe(cursor)
    cursor = page.value.next_cursor
  }
}
const with_ = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor })

describe('a memory with 1,500 versions', () => {
  test('its history comes by pages, oldest first, none twice, each in short turns', async () => {
    const { node } = world.peer(0)
    const { rows, pages, ms } = await all((cursor) => node.history(memory, { limit: 200, ...with_(cursor) }))
    expect([rows.length, new Set(rows.map(({ event_id }) => event_id)).size, pages]).toEqual([VERSIONS, VERSIONS, 8])
    expect(rows[0]!.set['content']).toBe('the first')
    expect(new Set(rows.map(({ set }) => set['content'])).size).toBe(VERSIONS)
    expect([...rows].map(({ at }) => at)).toEqual(rows.map(({ at }) => at).toSorted())
    expect(ms).toBeLessThan(TURN_MS_MAX)
  })

  test('what is written between two pages shifts none of them', async () => {
    const { node } = world.peer(0)
    const first = (await world.run(node.history(memory, { limit: 10 })))!
    await world.run(node.patch(memory, { title: 'meanwhile' }, { agent }))
    const second = (await world.run(node.history(memory, { limit: 10, cursor: first.next_cursor! })))!
    const both = (await world.run(node.history(memory, { limit: 20 })))!
    expect([...first.rows, ...second.rows]).toEqual(both.rows)
  })

  test.each(['', 'x', '1-2', `99-${'0'.repeat(36)}x`])('the cursor %j is none', async (cursor) => {
    await expect(world.run(world.peer(0).node.history(memory, { cursor }))).rejects.toMatchObject({ code: 'malformed' })
  })

  test('its links come by pages, and with it only the first of them', async () => {
    const { node } = world.peer(0)
    const { rows, pages, ms } = await all((cursor) => node.links(memory, { limit: 100, ...with_(cursor) }))
    expect([new Set(rows.map(({ to }) => to)).size, pages]).toEqual([LINKS, 5])
    expect(ms).toBeLessThan(TURN_MS_MAX)
    const got = await longestTurn(async () => (await world.run(node.get(memory, {})))!)
    expect([got.value.links.length, got.value.links_next_cursor]).toEqual([
      limits.list_limit_default,
      got.value.links.at(-1)!.id,
    ])
    expect(got.ms).toBeLessThan(TURN_MS_MAX)
    const rest = await all((cursor) => node.links(memory, { ...with_(cursor ?? got.value.links_next_cursor!) }))
    expect(got.value.links.length + rest.rows.length).toBe(LINKS)
  })

  test('the log, a namespace without events among them, is read in short turns', async () => {
    const { node } = world.peer(0)
    const none = await longestTurn(
      async () => (await world.run(node.events(undefined, { namespace: 'nobody' as Namespace, limit: 1_000 })))!,
    )
    expect(none.value.events).toEqual([])
    expect(none.ms).toBeLessThan(TURN_MS_MAX)
    const seen = new Set<string>()
    for (let after: string | undefined; ;) {
      const page = (await world.run(node.events(after, { namespace: ns, limit: 1_000 })))!
      for (const { event_id } of page.events) seen.add(event_id)
      if (page.events.length === 0) break
      after = page.next
    }
    expect(seen.size).toBe(VERSIONS + 1 + 2 * LINKS)
  })
})

test('conflicts go on in the middle of a field, and from the start where the place is gone', () => {
  const values = (field: string, count: number): Conflict => ({
    field,
    values: Array.from({ length: count }, (_, i) => ({
      value: i,
      event_id: `${field}-${i}` as never,
      agent_id: agent,
      peer_id: 'p' as never,
      at: '',
      shown: i === 0,
    })),
  })
  const conflicts = [values('title', 5), values('content', 3)]
  const first = conflictsPage(conflicts, { limit: 4 })
  const second = conflictsPage(conflicts, { limit: 4, cursor: first.next_cursor! })
  expect([first, second].map(({ rows }) => rows.map(({ field, values: some }) => [field, some.length]))).toEqual([
    [['title', 4]],
    [
      ['title', 1],
      ['content', 3],
    ],
  ])
  expect(second.next_cursor).toBeNull()
  expect(conflictsPage(conflicts, { cursor: 'title gone' }).rows).toEqual(conflicts)
  const large = {
    ...values('content', 20),
    values: values('content', 20).values.map((value) => ({ ...value, value: 'x'.repeat(limits.content_bytes_max) })),
  }
  expect(conflictsPage([large], {}).rows[0]!.values).toHaveLength(limits.page_bytes_max / limits.content_bytes_max + 1)
})
