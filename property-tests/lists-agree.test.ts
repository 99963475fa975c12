/**
 * A list is the same, byte for byte, whether the rows of the embedded database answer it or the log: rows, their order, where a page
 * ends and where the next begins, whichever of the two answered the page before. For generated histories of two peers that part and meet.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { tokenOf } from '../crdt/frontier-token.ts'
import type { AgentId, Namespace, RecordId } from '../crdt/ids.ts'
import type { MemoryInput } from '../src/api.ts'
import { NodeError } from '../src/errors.ts'
import type { Frontier, ListAnswer, MemoryFilter, ProjectionCursor } from '../src/ports/projection.ts'
import { createEngine } from '../src/projection/engine.ts'
import { openPglite } from '../src/projection/pglite.ts'
import { createFeedSource } from '../src/service/feed-source.ts'
import { createLogList } from '../src/service/list-from-log.ts'
import { createLogFrontier } from '../src/service/log-frontier.ts'
import { createReader } from '../src/service/rows.ts'
import { openMemoryStore } from '../src/store/memory.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const RUNS = 4
const NAMESPACES = ['team/api', 'team/web'] as Namespace[]
const AGENTS = ['ai:alice', 'ai:bob'] as AgentId[]
const PAGES_MAX = 100

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-lists-agree-'))
const sql = openPglite(folder, () => undefined)
const engine = createEngine(sql)
beforeAll(() => engine.open())
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})
const empty = (): Promise<unknown> =>
  sql.transaction(async (query) => {
    const tables = await query<{ name: string }>(
      "select format('%I', tablename) as name from pg_tables where schemaname = current_schema() and tablename <> 'schema_version'",
    )
    await query(`truncate ${tables.map(({ name }) => name).join(', ')}`)
  })
let world: World
afterEach(() => world.stopAll())

type Input = MemoryInput & { readonly content: string }
const word = fc.constantFrom('rule', 'fact', 'zürich', 'a"b\\c', "o'x", '10', '2', '😀')
const json = fc.dictionary(
  fc.constantFrom('b', 'a', '10', '2', 'é', '__proto__'),
  fc.oneof(
    fc.integer(),
    fc.constant(-0),
    fc.constantFrom(null, true, 'x'),
    fc.dictionary(word, fc.integer(), { maxKeys: 3 }),
    fc.array(fc.constantFrom('z', 'a'), { maxLength: 3 }),
  ),
  { maxKeys: 4 },
)
const optional = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined })
const inputArb: fc.Arbitrary<Input> = fc
  .record({
    content: fc.constantFrom('one', 'two', 'three\n'),
    title: optional(word),
    kind: optional(word),
    tier: optional(word),
    tags: optional(fc.uniqueArray(word, { maxLength: 3 })),
    priority: optional(fc.integer({ min: 1, max: 10 })),
    confidence: optional(fc.constantFrom(0, 0.1, 1 / 3, 1)),
    source: optional(word),
    scope: optional(word),
    run_id: optional(fc.constantFrom('run 1', 'run 2')),
    metadata: optional(json),
    expires_at: optional(fc.constantFrom('2026-01-01T00:00:01.000Z', '2030-01-01T00:00:00.000Z')),
    occurred_at: optional(fc.constant('2024-05-05T00:00:00.000Z')),
  })
  .map((fields): Input => ({
    ...(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Input>),
    content: fields.content,
  }))
type Step = {
  readonly peer: number
  readonly of: number
  readonly agent: number
  readonly does: 'put' | 'patch' | 'forget' | 'restore' | 'erase' | 'part' | 'meet' | 'wait'
  readonly input: Input
  readonly key: number | undefined
}
const stepArb: fc.Arbitrary<Step> = fc.record({
  peer: fc.nat({ max: 1 }),
  of: fc.nat({ max: 50 }),
  agent: fc.nat({ max: 1 }),
  input: inputArb,
  key: optional(fc.nat({ max: 4 })),
  does: fc.constantFrom(
    'put',
    'put',
    'put',
    'put',
    'patch',
    'patch',
    'patch',
    'forget',
    'restore',
    'erase',
    'part',
    'part',
    'meet',
    'wait',
  ),
})
const FILTERS: readonly MemoryFilter[] = [
  {},
  { namespace: NAMESPACES[0]! },
  { kinds: ['rule', 'zürich'] },
  { kinds: [] },
  { tier: 'fact', tags: [] },
  { tags: ['rule'] },
  { tags: ['a"b\\c', '10'] },
  { agent_id: AGENTS[1]! },
  { run_id: 'run 1', namespace: NAMESPACES[1]! },
  { since: '2026-01-01T00:00:02.000Z' },
  { until: '2026-01-01T00:00:02.000Z' },
  { since: '2024-05-05T00:00:00.000Z', until: '2024-05-06T00:00:00.000Z' },
  { stored_since: '2026-01-01T00:00:02.000Z' },
  { stored_until: '2026-01-01T00:00:03.000Z', until: '2025-01-01T00:00:00.000Z' },
  { since: '2026-01-01T00:00:01.000Z', until: '2026-01-01T00:00:04.000Z', tags: ['fact'] },
]
const seen = { rows: 0, conflicts: 0, copies: 0, pages: 0 }

const live = async (steps: readonly Step[], seed: number): Promise<void> => {
  world = await createWorld({ peers: 2, seed })
  const ids: RecordId[] = []
  const perform = async ({ peer, of, agent, does, input, key }: Step): Promise<void> => {
    const { node } = world.peer(peer)
    const options = {
      agent: AGENTS[agent]!,
      quorum: 1,
      ...(key !== undefined && { idempotency_key: `key ${key} ${does}` }),
    }
    const id = ids[of % Math.max(1, ids.length)]
    if (does === 'part') world.partition([0], [1])
    else if (does === 'meet') world.network.heal()
    else if (does === 'wait') await world.run(new Promise<void>((resolve) => void world.time.after(700, resolve)))
    else if (does === 'put') ids.push((await world.run(node.remember(NAMESPACES[of % 2]!, input, options)))!.id)
    else if (id === undefined) return
    else if (does === 'patch') await world.run(node.patch(id, input, options))
    else if (does === 'restore') await world.run(node.restore(id, options))
    else await world.run(node.forget(id, { ...options, erase: does === 'erase' }))
  }
  for (const step of steps)
    await perform(step).catch((error: unknown) => {
      if (!(error instanceof NodeError)) throw error
    })
  // What both know is changed on both sides, and one request is made on each under one key: neither knows of the other.
  world.network.heal()
  const known = (await world.run(
    world.peer(0).node.remember(NAMESPACES[0]!, { content: 'known' }, { agent: AGENTS[0]!, quorum: 2 }),
  ))!.id
  world.partition([0], [1])
  for (const peer of [0, 1]) {
    const { node } = world.peer(peer)
    await world.run(
      node.remember(
        NAMESPACES[0]!,
        { content: 'twice', title: 'same', metadata: { b: 1, a: 2 } },
        { agent: AGENTS[0]!, quorum: 1, idempotency_key: 'both' },
      ),
    )
    await world.run(node.patch(known, { kind: 'rule' }, { agent: AGENTS[0]!, quorum: 1, idempotency_key: 'the same' }))
    await world.run(node.patch(known, { title: `on ${peer}`, tags: [`${peer}`] }, { agent: AGENTS[peer]!, quorum: 1 }))
  }
  world.network.heal()
  await world.agree()
}

/** All pages, of which the answers take turns where there are two. */
const pagesOf = async (
  lists: readonly ((
    filter: MemoryFilter,
    page: { readonly limit: number; readonly cursor?: string },
    form: undefined,
  ) => Promise<Pick<ListAnswer, 'rows' | 'next_cursor'> | null>)[],
  filter: MemoryFilter,
  limit: number,
): Promise<readonly string[]> => {
  const pages: string[] = []
  let cursor: string | null | undefined
  for (let n = 0; cursor !== null && n < PAGES_MAX; n++) {
    const { rows, next_cursor } = (await lists[n % lists.length]!(
      filter,
      { limit, ...(cursor !== undefined && { cursor }) },
      undefined,
    ))!
    pages.push(JSON.stringify([rows, next_cursor]))
    seen.rows += rows.length
    for (const { conflicts } of rows) seen.conflicts += conflicts
    cursor = next_cursor
  }
  seen.pages += pages.length
  return pages
}

test('rows and log list the same, byte for byte', { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepArb, { minLength: 25, maxLength: 40 }),
      fc.nat({ max: 1_000 }),
      async (steps, seed) => {
        await live(steps, seed)
        const tokens = new Set<string>()
        for (const peer of [0, 1]) {
          const { replica, shell } = world.peer(peer)
          // Of its disk, which it goes on holding.
          const store = openMemoryStore({ random: world.random, disk: { ...world.disks[peer]! } })
          const reader = createReader(replica, store)
          const source = createFeedSource(replica, store, shell, reader, async () => undefined, true)
          await empty()
          let cursor: ProjectionCursor | null = null
          for (let batch = await source.batch(cursor, 7); batch !== null; batch = await source.batch(cursor, 7)) {
            await engine.apply(batch)
            cursor = batch.cursor
          }
          const nowMs = world.time.now()
          const log = createLogList({
            replica,
            reader,
            warm: async () => undefined,
            nowMs: () => nowMs,
            pause: async () => undefined,
            shows: createLogFrontier(replica.index, async () => undefined),
          })
          const rows: typeof log = (filter, page, form) =>
            engine.list(filter, { ...page, now: new Date(nowMs).toISOString() }, form)
          const shown = await Promise.all(
            ([undefined, 'full'] as const).map(
              async (form) =>
                [
                  (await log({}, { limit: 1 }, form))!.frontier,
                  (await rows({}, { limit: 1 }, form))!.frontier,
                ] as const,
            ),
          )
          for (const [byLog, byRows] of shown) expect(byLog).toEqual(byRows)
          expect(shown[0]![0]).toBe(tokenOf(shown[1]![0] as Frontier))
          tokens.add(shown[0]![0] as string)
          for (const filter of FILTERS)
            for (const limit of [2, 1_000]) {
              const byRows = await pagesOf([rows], filter, limit)
              expect(await pagesOf([log], filter, limit), JSON.stringify(filter)).toEqual(byRows)
              expect(await pagesOf([log, rows], filter, limit), JSON.stringify(filter)).toEqual(byRows)
            }
          for (const entry of replica.index.segments.values())
            seen.copies += replica.documents.open(entry).segment.copied.size
          await store.close()
        }
        // On the one peer as on the other.
        expect(tokens.size).toBe(1)
        await world.stopAll()
      },
    ),
    { numRuns: RUNS, seed: 20261129, endOnFailure: true },
  )
  // Lists of nothing, or of what nobody disagreed about, would prove little.
  for (const [what, many] of Object.entries(seen)) expect(many, what).toBeGreaterThanOrEqual(RUNS)
})
