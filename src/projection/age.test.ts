/** The graph in Apache AGE, asked in Cypher, on both databases: it holds what the rows say, at every moment. */
import { age } from '@electric-sql/pglite-age'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { LinkRow, MemoryRow } from '../ports/projection.ts'
import { createEngine } from './engine.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import type { Sql } from './sql.ts'
import { missingServer, startServer } from './testing/postgres-server.ts'
import { batch, id, link, memory, seeded } from './testing/rows.ts'

const GRAPH = 'mnemesh_test_graph'
const folder = mkdtempSync(join(tmpdir(), 'mnemesh-age-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const quiet = (): void => undefined

/** Answers of a Cypher query as AGE writes them (texts as JSON does), sorted. */
const cypher = async (sql: Sql, asked: string): Promise<readonly string[]> =>
  sql.snapshot(async (query) => {
    await query("load 'age'")
    await query('set local search_path = ag_catalog, public')
    const rows = await query<{ answer: string }>(
      `select answer from cypher('${GRAPH}', $cypher$ ${asked} $cypher$) as (answer agtype)`,
    )
    return rows.map(({ answer }) => answer).sort()
  })
const everything = async (sql: Sql): Promise<readonly string[]> => [
  ...(await cypher(sql, "match (m:Memory) return m.id + ' ' + m.kind")),
  ...(await cypher(
    sql,
    "match (a:Memory)-[l:Link]->(b:Memory) return a.id + ' ' + l.relation + ' ' + b.id + ' ' + l.id",
  )),
]
const expected = (memories: ReadonlyMap<string, MemoryRow>, links: ReadonlyMap<string, LinkRow>): readonly string[] => {
  const shown = (of: string): boolean => memories.get(of)?.forgotten === false
  return [
    ...[...memories.values()]
      .filter((row) => shown(row.id))
      .map((row) => JSON.stringify(`${row.id} ${row.kind}`))
      .sort(),
    ...[...links.values()]
      .filter((row) => !row.removed && shown(row.from) && shown(row.to))
      .map((row) => JSON.stringify(`${row.from} ${row.relation} ${row.to} ${row.id}`))
      .sort(),
  ]
}

/** @param open the same database again and again. */
const ageContract = (open: () => Sql): void => {
  const wanted = (sql: Sql, log: (line: string) => void = quiet) =>
    createEngine(sql, { log, age: { graph: GRAPH, wanted: true } })

  it('follows the rows through any history, and is made anew when it missed some', async () => {
    const random = seeded(11)
    const memories = new Map<string, MemoryRow>()
    const links = new Map<string, LinkRow>()
    let arrival = 0
    const some = () => {
      const rows = Array.from({ length: 6 }, () =>
        memory(Math.floor(random() * 12), {
          forgotten: random() < 0.3,
          kind: `kind "${Math.floor(random() * 3)}"`,
          content: 'a secret text',
        }),
      )
      const edges = Array.from({ length: 6 }, () => {
        const [a, b] = [Math.floor(random() * 12), Math.floor(random() * 12)]
        return link(`${a} ${b}`, id(a), id(b), { removed: random() < 0.3, relation: "it's $cypher$ \\ here" })
      })
      for (const row of rows) memories.set(row.id, row)
      for (const row of edges) links.set(row.id, row)
      return batch(++arrival, { memories: rows, links: edges })
    }
    let sql = open()
    let engine = wanted(sql)
    await engine.open()
    for (let round = 0; round < 12; round++) {
      await engine.apply(some())
      expect(await everything(sql)).toEqual(expected(memories, links))
    }
    expect(expected(memories, links).length).toBeGreaterThan(8)
    expect((await engine.abilities()).age).toBe(GRAPH)
    expect((await cypher(sql, 'match (m:Memory) return m')).join()).not.toContain('secret')
    await engine.close()

    sql = open()
    engine = createEngine(sql)
    await engine.open()
    await engine.apply(some())
    await engine.close()
    sql = open()
    engine = wanted(sql)
    await engine.open()
    expect(await everything(sql)).toEqual(expected(memories, links))
    await engine.reset()
    expect(await everything(sql)).toEqual([])
    await engine.apply({ ...batch(1, { memories: [...memories.values()], links: [...links.values()] }) })
    expect(await everything(sql)).toEqual(expected(memories, links))
    await engine.close()
  }, 60_000)

  it('answers paths, and goes when it is not wanted any longer', async () => {
    let sql = open()
    let engine = wanted(sql)
    await engine.open()
    await engine.reset()
    await engine.apply(
      batch(1, {
        memories: [memory(1), memory(2), memory(3)],
        links: [link(1, id(1), id(2), { relation: 'causes' }), link(2, id(2), id(3), { relation: 'causes' })],
      }),
    )
    expect(await cypher(sql, `match (a:Memory {id: '${id(1)}'})-[:Link*2..2]->(b:Memory) return b.id`)).toEqual([
      JSON.stringify(id(3)),
    ])
    await engine.close()
    sql = open()
    engine = createEngine(sql, { age: { graph: GRAPH, wanted: false } })
    await engine.open()
    expect((await engine.abilities()).age).toBeNull()
    expect(await sql.snapshot((query) => query('select 1 from pg_namespace where nspname = $1', [GRAPH]))).toEqual([])
    await engine.close()
  }, 60_000)
}

describe('embedded', () => {
  ageContract(() => openPglite(join(folder, 'with'), quiet, { age }))
})

it('says what is missing, and does without', async () => {
  const said: string[] = []
  const engine = createEngine(openPglite(join(folder, 'without'), quiet), {
    log: (line) => said.push(line),
    age: { graph: GRAPH, wanted: true },
  })
  await engine.open()
  await engine.apply(batch(1, { memories: [memory(1)] }))
  expect([(await engine.abilities()).age, said.join()]).toEqual([
    null,
    expect.stringMatching(/no graph in Apache AGE, for the database has no Apache AGE: create extension age/),
  ])
  await engine.close()
}, 60_000)

const reason = await missingServer()
const server = reason === null ? await startServer() : null
afterAll(() => server?.stop())
const why = reason ?? (server?.extensions.includes('age') === true ? null : 'the server has no Apache AGE')
describe.skipIf(why !== null)(`server${why === null ? '' : ` (skipped: ${why})`}`, () => {
  ageContract(() => openPostgres(server?.url ?? '', `mnemesh_age_${process.pid}`, quiet))
})
