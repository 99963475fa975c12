/**
 * How many memories there are, of what, and where: read from counters (`tallies.ts`), whatever the number of rows.
 *
 * A memory that expires leaves nobody a batch. So the counters hold what had not expired at a moment of their own
 * (`cursor.counted_ms`); what expires between then and the moment asked for is looked up in an index, and when that has become
 * much, the counters are moved (`follow`).
 */
import { limits } from '../../crdt/limits.ts'
import type { Namespace } from '../../crdt/ids.ts'
import type { Projection, Reflects } from '../ports/projection.ts'
import type { Query } from './sql.ts'
import { addCounts, type Count } from './tallies.ts'

/** Memories alike that the counters hold and that have expired by now (`memories` < 0), or the other way round. */
type Expired = { readonly namespace: string; readonly kind: string; readonly tier: string; readonly memories: number }
type Answered<T> = { readonly answer: T; /** The counters are to be moved. */ readonly late: boolean }

type Stats = Omit<Awaited<ReturnType<Projection['stats']>>, keyof Reflects>
type Namespaces = Awaited<ReturnType<Projection['namespaces']>>['rows']

/** Until which moment a row that is written is counted as not expired, ms since 1970. */
export const countedUntil = async (query: Query): Promise<number> => {
  const [row] = await query<{ counted: number }>('select counted_ms::float8 as counted from cursor')
  return row?.counted ?? -MS_MAX
}

/** The earliest moment that a date can name, as the table's default has it. */
const MS_MAX = 8_640_000_000_000_000

export const namespacesOf = async (query: Query, now: number): Promise<Answered<Namespaces>> => {
  const expired = await expiredBy(query, now)
  const moreByNamespace = sums(expired.map(({ namespace, memories }) => [namespace, memories]))
  const rows = await query<{ namespace: Namespace; memories: number; updated_at: string | null }>(
    `select namespace, memories::float8 as memories, to_char(to_timestamp(updated_ms / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as updated_at
     from namespaces order by namespace collate "C"`,
  )
  const answer = rows.flatMap(({ namespace, memories, updated_at }) => {
    const visible = memories + (moreByNamespace.get(namespace) ?? 0)
    return visible > 0 && updated_at !== null ? [{ namespace, memories: visible, updated_at }] : []
  })
  return { answer, late: isMuch(expired) }
}

export const statsOf = async (query: Query, now: number): Promise<Answered<Stats>> => {
  const expired = await expiredBy(query, now)
  const counts = await query<{ what: Count[0]; name: string; count: number }>(
    'select what, name, count::float8 as count from counts',
  )
  const spaces = await query<{ namespace: string; memories: number }>(
    'select namespace, memories::float8 as memories from namespaces where memories <> 0',
  )
  const counted = (what: Count[0]): readonly (readonly [string, number])[] =>
    counts.flatMap((row) => (row.what === what ? [[row.name, row.count] as const] : []))
  const by = (
    key: 'namespace' | 'kind' | 'tier',
    kept: readonly (readonly [string, number])[],
  ): Record<string, number> =>
    Object.fromEntries(
      [...sums([...kept, ...expired.map((row) => [row[key], row.memories] as const)])]
        .filter(([, count]) => count > 0)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  const total = (of: readonly (readonly [string, number])[]): number => of.reduce((sum, [, count]) => sum + count, 0)
  return {
    answer: {
      total: total(counted('memories')) + expired.reduce((sum, { memories }) => sum + memories, 0),
      by_namespace: by(
        'namespace',
        spaces.map(({ namespace, memories }) => [namespace, memories]),
      ),
      by_kind: by('kind', counted('kind')),
      by_tier: by('tier', counted('tier')),
      links: total(counted('links')),
      episodes: total(counted('episodes')),
    },
    late: isMuch(expired),
  }
}

/** Moves the counters to `now`. A clock that was set back moves them back. */
export const follow = async (query: Query, now: number): Promise<void> => {
  const expired = await expiredBy(query, now)
  await query('update cursor set counted_ms = $1::bigint', [now])
  const moreByNamespace = sums(expired.map(({ namespace, memories }) => [namespace, memories]))
  await query(
    'update namespaces set memories = namespaces.memories + given.memories from unnest($1::text[], $2::bigint[]) as given(namespace, memories) where namespaces.namespace = given.namespace',
    [[...moreByNamespace.keys()], [...moreByNamespace.values()]],
  )
  const more = (what: Count[0], nameOf: (row: Expired) => string) =>
    [...sums(expired.map((row) => [nameOf(row), row.memories]))].map(([name, by]) => [what, name, by] as const)
  await addCounts(query, [
    ...more('memories', () => ''),
    ...more('kind', ({ kind }) => kind),
    ...more('tier', ({ tier }) => tier),
  ])
}

const expiredBy = (query: Query, now: number): Promise<readonly Expired[]> =>
  query<Expired>(
    `select namespace, kind, tier, (case when $1::bigint > counted_ms then -count(*) else count(*) end)::float8 as memories from cursor, memories
     where not hidden and expires_ms is not null and expires_ms > least(counted_ms, $1::bigint) and expires_ms <= greatest(counted_ms, $1::bigint)
     group by counted_ms, namespace, kind, tier`,
    [now],
  )

const isMuch = (expired: readonly Expired[]): boolean =>
  expired.reduce((sum, { memories }) => sum + Math.abs(memories), 0) > limits.projection_expired_rows_max

const sums = (counts: readonly (readonly [string, number])[]): Map<string, number> => {
  const sumByName = new Map<string, number>()
  for (const [name, count] of counts) sumByName.set(name, (sumByName.get(name) ?? 0) + count)
  return sumByName
}
