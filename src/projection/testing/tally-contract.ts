/** Counters and digests are those of the rows, whatever happened to these: compared with the plain way, which reads them all. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { limits } from '../../../crdt/limits.ts'
import { addToSet, emptySetHash, setDigest } from '../../../crdt/set-hash.ts'
import type { ProjectionBatch, ProjectionDigest } from '../../ports/projection.ts'
import { rowHash } from '../digest.ts'
import type { Engine } from '../engine.ts'
import type { Sql } from '../sql.ts'
import { at, episode, id, link, memory, ns } from './rows.ts'

type Rows = Partial<Omit<ProjectionBatch, 'cursor'>>
const SPACES = ['a', 'b', 'c/d'] as const
const MINUTES = 5

export const tallyContract = (
  sql: () => Sql,
  engine: () => Engine,
  apply: (rows: Rows) => Promise<void>,
  clear: () => Promise<void>,
): void => {
  const space = fc.constantFrom(...SPACES).map(ns)
  const place = fc.record({ n: fc.nat(6), namespace: space })
  const drawnMemory = fc
    .record({
      at: place,
      kind: fc.constantFrom('fact', 'k\0'),
      tier: fc.constantFrom('mid', 'long'),
      hidden: fc.constantFrom('forgotten', 'erased', null, null),
      expires: fc.option(fc.nat(MINUTES)),
      updated: fc.nat(9),
    })
    .map(({ at: { n, namespace }, kind, tier, hidden, expires, updated }) =>
      memory(n, {
        namespace,
        kind,
        tier,
        forgotten: hidden === 'forgotten',
        erased: hidden === 'erased',
        expires_at: expires === null ? null : at(expires),
        updated_at: at(updated),
      }),
    )
  const drawn: fc.Arbitrary<Rows> = fc.record({
    memories: fc.array(drawnMemory, { maxLength: 4 }),
    links: fc.array(
      fc.tuple(place, fc.boolean()).map(([{ n, namespace }, removed]) => link(n, id(1), id(2), { namespace, removed })),
      { maxLength: 2 },
    ),
    episodes: fc.array(
      place.map(({ n, namespace }) => episode(n, { namespace })),
      { maxLength: 2 },
    ),
  })

  const agree = async (minute: number): Promise<void> => {
    const now = at(minute)
    expect(await engine().digest()).toEqual(await digestOfRows(sql()))
    expect(await engine().stats(now)).toMatchObject(await statsOfRows(sql(), now))
    expect((await engine().namespaces(now)).rows).toEqual(await namespacesOfRows(sql(), now))
  }

  it('counters and digests follow the rows, as time goes on and back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(drawn, fc.nat(MINUTES)), { minLength: 1, maxLength: 6 }), async (history) => {
        await clear()
        for (const [rows, minute] of history) {
          await apply(rows)
          await agree(minute)
        }
      }),
      { numRuns: 15 },
    )
  }, 60_000)

  it('a memory that moves to another namespace, hidden or not, leaves no word behind', async () => {
    await clear()
    const words = () =>
      sql().snapshot((query) =>
        query<{ namespace: string }>('select distinct namespace from words join postings on postings.word = words.id'),
      )
    const moves: readonly (readonly [space: string, forgotten: boolean])[] = [
      ['a', false],
      ['b', true],
      ['a', false],
      ['b', false],
      ['a', false],
    ]
    for (const [space, forgotten] of moves) {
      await apply({ memories: [memory(1, { namespace: ns(space), forgotten })] })
      expect(await words()).toEqual(forgotten ? [] : [{ namespace: space }])
      await agree(0)
    }
  })

  it('many that expired at once are counted out, and the counters move on behind', async () => {
    await clear()
    const moved = async (): Promise<number> =>
      (await sql().snapshot((query) => query<{ ms: number }>('select counted_ms::float8 as ms from cursor')))[0]!.ms
    await apply({
      memories: Array.from({ length: limits.projection_expired_rows_max + 2 }, (_, n) =>
        memory(n, { kind: `${n % 3}`, expires_at: n === 0 ? null : at(1) }),
      ),
    })
    const before = await moved()
    await agree(0)
    expect(await moved()).toBe(before)
    await agree(2)
    await expect.poll(moved).toBe(Date.parse(at(2)))
    await agree(2)
    await apply({
      memories: [
        memory(1, { expires_at: at(1), title: 'changed' }),
        memory(2, { expires_at: at(9) }),
        memory(0, { forgotten: true }),
      ],
    })
    for (const minute of [2, 9, 0, 0, 2]) await agree(minute)
  })

  it('a digest is of the text of each row, in its table', () => {
    const hashes = [rowHash('memories', '{}'), rowHash('links', '{}'), rowHash('memories', '{"a":1}')].map((hash) =>
      Buffer.from(hash).toString('hex'),
    )
    expect(new Set(hashes).size).toBe(3)
  })
}

const digestOfRows = async (sql: Sql): Promise<ProjectionDigest> => {
  const sets = new Map([['', emptySetHash()]])
  for (const table of ['memories', 'links', 'episodes'] as const) {
    for (const { namespace, row } of await sql.snapshot((query) =>
      query<{ namespace: string; row: string }>(`select namespace, row from ${table}`),
    )) {
      const own = sets.get(namespace) ?? emptySetHash()
      sets.set(namespace, own)
      for (const set of [own, sets.get('')!]) addToSet(set, rowHash(table, row))
    }
  }
  const digests = [...sets].map(([namespace, set]) => [namespace, setDigest(set)] as const)
  return { all: digests[0]![1], by_namespace: Object.fromEntries(digests.slice(1)) }
}

const VISIBLE = 'not hidden and (expires_ms is null or expires_ms > $1::bigint)'

const namespacesOfRows = async (sql: Sql, now: string): Promise<readonly unknown[]> => {
  const rows = await sql.snapshot((query) =>
    query<{ namespace: string; memories: number; updated: number }>(
      `select namespace, (count(*) filter (where ${VISIBLE}))::float8 as memories, max(updated_ms)::float8 as updated from memories where not hidden group by namespace order by namespace collate "C"`,
      [Date.parse(now)],
    ),
  )
  return rows.flatMap(({ namespace, memories, updated }) =>
    memories === 0 ? [] : [{ namespace, memories, updated_at: new Date(updated).toISOString() }],
  )
}

const statsOfRows = (sql: Sql, now: string): Promise<Record<string, unknown>> =>
  sql.snapshot(async (query) => {
    const by = async (column: string): Promise<Record<string, number>> =>
      Object.fromEntries(
        (
          await query<{ name: string; count: number }>(
            `select ${column} as name, count(*)::float8 as count from memories where ${VISIBLE} group by ${column}`,
            [Date.parse(now)],
          )
        ).map(({ name, count }) => [name, count]),
      )
    const count = async (what: string): Promise<number> =>
      (await query<{ count: number }>(`select count(*)::float8 as count from ${what}`))[0]!.count
    const by_namespace = await by('namespace')
    return {
      total: Object.values(by_namespace).reduce((sum, n) => sum + n, 0),
      by_namespace,
      by_kind: await by('kind'),
      by_tier: await by('tier'),
      links: await count('links where not removed'),
      episodes: await count('episodes'),
    }
  })
