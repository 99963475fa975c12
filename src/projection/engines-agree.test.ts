/**
 * One history on PGlite and on a Postgres server whose database sorts and folds letters by another language's rules: the same rows,
 * digests, lists, orders of recall and graphs.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MemoryFilter, RecallQuery } from '../ports/projection.ts'
import { createEngine, type Engine } from './engine.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { missingServer, startServer, type Server } from './testing/postgres-server.ts'
import { agent, at, batch, id, link, memory, NOW, ns, seeded } from './testing/rows.ts'

const WORDS = [
  'deploy',
  'Über',
  'uber',
  'ångström',
  'Zebra',
  'zebra',
  'naïve',
  'ERR_CONN_5031',
  'src/http/door.ts',
  'rollback',
  'Straße',
  'strasse',
  '数据库',
  'the',
  'cache',
  'öl',
  'Ölwechsel',
  'i',
  'İstanbul',
  'ışık',
  'résumé',
  'resume',
  '_',
  '-v',
  '10',
]
const MEMORIES = 400

const reason = await missingServer()
describe.skipIf(reason !== null)(`both engines${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-agree-'))
  const quiet = (): void => undefined
  let server: Server | undefined
  let engines: readonly [Engine, Engine]
  beforeAll(async () => {
    server = await startServer()
    const url = await server.createDatabase(
      `mnemesh_agree_${process.pid}`,
      "template template0 encoding 'UTF8' locale_provider icu icu_locale 'sv-SE' locale 'C.UTF-8'",
    )
    engines = [createEngine(openPglite(folder, quiet)), createEngine(openPostgres(url, 'mnemesh_agree', quiet))]
    for (const engine of engines) await engine.open()
    const history = batches()
    for (const given of history) for (const engine of engines) await engine.apply(given)
  }, 120_000)
  afterAll(async () => {
    for (const engine of engines) await engine.close()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const both = async <T>(ask: (engine: Engine) => Promise<T>): Promise<T> => {
    const [embedded, real] = [await ask(engines[0]), await ask(engines[1])]
    expect(real).toEqual(embedded)
    return embedded
  }

  it('hold the same rows, and count them alike', async () => {
    const hash: unknown = expect.stringMatching(/^[0-9a-f]{64}$/)
    expect(await both((engine) => engine.digest())).toEqual({
      all: hash,
      by_namespace: { a: hash, b: hash, default: hash, 'team/c': hash },
    })
    expect(await both((engine) => engine.stats(NOW))).toMatchObject({ links: expect.any(Number) })
    expect(await both(async (engine) => (await engine.namespaces(NOW)).rows)).toHaveLength(3)
  })

  it('list in one order, page by page', async () => {
    let pages = 0
    for (const filter of [
      {},
      { namespace: ns('b') },
      { tags: ['Über'] },
      { kinds: ['öl', 'i'] },
    ] satisfies MemoryFilter[]) {
      let cursor: string | undefined
      do {
        const page = await both((engine) =>
          engine.list(filter, { limit: 37, now: NOW, ...(cursor === undefined ? {} : { cursor }) }),
        )
        cursor = page.next_cursor ?? undefined
        pages++
      } while (cursor !== undefined)
    }
    expect(pages).toBeGreaterThan(10)
  })

  it('recall in one order, with the same scores and reasons', async () => {
    const random = seeded(5)
    const questions = [
      ...WORDS,
      ...Array.from({ length: 40 }, () =>
        Array.from({ length: 1 + Math.floor(random() * 4) }, () => WORDS[Math.floor(random() * WORDS.length)]).join(
          ' ',
        ),
      ),
      'depoly the zebbra',
      '%_\\',
      "'; drop table memories",
    ]
    let found = 0
    for (const q of questions) {
      for (const more of [
        {},
        { namespace: ns('a'), limit: 5 },
        { run_id: 'run 3', explain: true },
      ] satisfies Partial<RecallQuery>[]) {
        const { memories } = await both(async (engine) => rounded(await engine.recall({ q, limit: 20, ...more }, NOW)))
        found += memories.length
      }
    }
    expect(found).toBeGreaterThan(500)
  }, 60_000)

  it('draw the same graphs', async () => {
    let nodes = 0
    for (let n = 0; n < 20; n++)
      nodes += (
        await both((engine) =>
          engine.graph({ from: id(n), depth: n % 4, direction: 'both', as_of: at(n * 10), limit: 50 }, NOW),
        )
      ).nodes.length
    expect(nodes).toBeGreaterThan(40)
  })
})

/** Sums of the same numbers in another order differ in their last bits, which no reader should rest on. */
const rounded = <T>(answer: T): T =>
  JSON.parse(
    JSON.stringify(answer, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(9)) : value)),
  ) as T

const batches = () => {
  const random = seeded(3)
  const word = (): string => WORDS[Math.floor(random() * WORDS.length)]!
  const words = (count: number): string => Array.from({ length: count }, word).join(' ')
  const rows = Array.from({ length: MEMORIES }, (_, n) =>
    memory(n, {
      namespace: ns(['a', 'b', 'team/c'][n % 3]!),
      title: n % 4 === 0 ? null : words(2),
      content: words(3 + Math.floor(random() * 20)),
      kind: word(),
      tags: [word(), word()],
      agent_id: agent(`ai:${n % 5}`),
      run_id: n % 2 === 0 ? `run ${n % 7}` : null,
      created_at: at(Math.floor(random() * 50)),
      forgotten: n % 17 === 0,
      priority: 1 + (n % 10),
      confidence: (n % 5) / 4,
    }),
  )
  const links = Array.from({ length: MEMORIES }, (_, n) =>
    link(n, id(Math.floor(random() * MEMORIES)), id(Math.floor(random() * MEMORIES)), {
      relation: word(),
      valid_from: at(Math.floor(random() * 200)),
      created_at: at(n),
    }),
  )
  return Array.from({ length: 8 }, (_, part) =>
    batch(part + 1, {
      memories: rows.filter((_row, n) => n % 8 === part),
      links: links.filter((_row, n) => n % 8 === part),
    }),
  )
}
