/**
 * Rows on their way into the tables: canonical JSON, filter columns, and the few statements that upsert a batch.
 *
 * One `insert … select from unnest(columns)` per table and 256 rows. A row that is already there in the same words is left
 * alone, so projecting something again costs no dead row. What is written is counted (`tallies.ts`).
 */
import type { EpisodeRow, LinkRow, MemoryRow, ProjectionBatch } from '../ports/projection.ts'
import type { Languages } from './languages.ts'
import type { Stems } from './lexemes.ts'
import { writeConflicts, writeEvents } from './audit.ts'
import { columnText } from './column-text.ts'
import { countedUntil } from './counts.ts'
import { rowHash } from './digest.ts'
import { parts } from './parts.ts'
import { runIds, writePostings, type Indexed } from './postings.ts'
import type { Query } from './sql.ts'
import { writeTags } from './tags.ts'
import { createTally, type Count, type Tally } from './tallies.ts'
import { msOf, msOrNull } from './times.ts'

/** Keys sorted, no blanks, nothing undefined: equal content gives equal text (RFC 8785 for what rows hold). */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
}

type Column = readonly [name: string, type: string]
type Table<Row, Name = 'memories' | 'links' | 'episodes'> = {
  readonly name: Name
  readonly columns: readonly Column[]
  readonly values: (row: Row) => readonly unknown[]
}
/** `text`: the row as it is stored. `hash`: of that. */
type Written<Row> = { readonly row: Row; readonly text: string; readonly hash: Uint8Array }

/** `run`: the number of its run, null when it has none. */
type Placed = Written<MemoryRow> & { readonly run: number | null }

const MEMORIES: Table<Placed> = {
  name: 'memories',
  columns: [
    ['id', 'uuid'],
    ['namespace', 'text'],
    ['kind', 'text'],
    ['tier', 'text'],
    ['tags', 'text[]'],
    ['agent_id', 'text'],
    ['run_id', 'text'],
    ['created_ms', 'bigint'],
    ['updated_ms', 'bigint'],
    ['expires_ms', 'bigint'],
    ['hidden', 'boolean'],
    ['erased', 'boolean'],
    ['row', 'text'],
    ['hash', 'bytea'],
    ['run', 'integer'],
    ['ordered_ms', 'bigint'],
  ],
  values: ({ row, text, hash, run }) => {
    const created = msOf(row.created_at) ?? 0
    return [
      row.id,
      row.namespace,
      columnText(row.kind),
      columnText(row.tier),
      arrayLiteral(row.tags),
      row.agent_id,
      row.run_id === null ? null : columnText(row.run_id),
      created,
      msOf(row.updated_at) ?? 0,
      msOrNull(row.expires_at),
      row.forgotten || row.erased,
      row.erased,
      text,
      hex(hash),
      run,
      msOrNull(row.occurred_at) ?? created,
    ]
  },
}

const LINKS: Table<Written<LinkRow>, 'links'> = {
  name: 'links',
  columns: [
    ['id', 'uuid'],
    ['namespace', 'text'],
    ['from_id', 'uuid'],
    ['to_id', 'uuid'],
    ['relation', 'text'],
    ['valid_from_ms', 'bigint'],
    ['valid_until_ms', 'bigint'],
    ['created_ms', 'bigint'],
    ['removed', 'boolean'],
    ['row', 'text'],
    ['hash', 'bytea'],
  ],
  values: ({ row, text, hash }) => [
    row.id,
    row.namespace,
    row.from,
    row.to,
    columnText(row.relation),
    msOrNull(row.valid_from),
    msOrNull(row.valid_until),
    msOf(row.created_at) ?? 0,
    row.removed,
    text,
    hex(hash),
  ],
}

const EPISODES: Table<Written<EpisodeRow>, 'episodes'> = {
  name: 'episodes',
  columns: [
    ['id', 'uuid'],
    ['namespace', 'text'],
    ['agent_id', 'text'],
    ['event_type', 'text'],
    ['created_ms', 'bigint'],
    ['row', 'text'],
    ['hash', 'bytea'],
  ],
  values: ({ row, text, hash }) => [
    row.id,
    row.namespace,
    row.agent_id,
    columnText(row.event_type),
    msOf(row.created_at) ?? 0,
    text,
    hex(hash),
  ],
}

/** Writes a batch's rows, in the transaction that `query` belongs to. Answers how many rows were given, and how many memories are new. */
export const upsert = async (
  query: Query,
  batch: ProjectionBatch,
  stems: Stems,
  languages: Languages,
): Promise<{ readonly given: number; readonly fresh: number }> => {
  const tally = createTally(query)
  const memories = lastOfEach(batch.memories)
  const counted = await countedUntil(query)
  let fresh = 0
  for (const part of parts(memories)) fresh += await putMemories(query, part, stems, languages, tally, counted)
  const links = lastOfEach(batch.links)
  for (const part of parts(links)) await put(query, LINKS, part, tally, 'not removed', (row) => !row.removed)
  const episodes = lastOfEach(batch.episodes)
  for (const part of parts(episodes)) await put(query, EPISODES, part, tally, 'true', () => true)
  await tally.write()
  await writeEvents(query, batch.events)
  await writeConflicts(query, memories, batch.conflicts)
  return { given: memories.length + links.length + episodes.length, fresh }
}

type Stored = {
  readonly id: string
  readonly namespace: string
  readonly kind: string
  readonly tier: string
  readonly hash: Uint8Array
  readonly counts: boolean
  readonly no: number
  readonly run: number | null
  readonly row: string
}

/** The rows and what they can be found by, where they differ from what is there. Answers how many memories are new. */
const putMemories = async (
  query: Query,
  part: readonly MemoryRow[],
  stems: Stems,
  languages: Languages,
  tally: Tally,
  counted: number,
): Promise<number> => {
  const stored = await query<Stored>(
    `select id::text, namespace, kind, tier, hash, not hidden and (expires_ms is null or expires_ms > $2::bigint) as counts, no::float8 as no, run::float8 as run, row
     from memories where id = any($1::uuid[])`,
    [part.map((row) => row.id), counted],
  )
  const storedById = new Map(stored.map((one) => [one.id, one]))
  const changed = part
    .map((row) => written('memories', row, canonical({ ...row, tags: [...row.tags].sort() })))
    .filter(({ row, text }) => storedById.get(row.id)?.row !== text)
  if (changed.length === 0) return 0
  const runs = await runIds(
    query,
    changed.map(({ row }) => row),
  )
  const placed = changed.map(({ row, text, hash }): Placed => ({ row, text, hash, run: runs(row) }))
  const numbers = await insert<Placed, { id: string; no: number }>(
    query,
    MEMORIES,
    placed,
    'id::text, no::float8 as no',
  )
  const noById = new Map(numbers.map(({ id, no }) => [id, no]))
  const indexed = placed.map(({ row, run }): Indexed => {
    const before = storedById.get(row.id)
    return {
      no: noById.get(row.id)!,
      row,
      run,
      before: before === undefined ? null : { row: JSON.parse(before.row) as MemoryRow, run: before.run },
    }
  })
  await writePostings(query, indexed, stems, languages)
  await writeTags(query, indexed)
  for (const { row, hash } of placed) {
    const before = storedById.get(row.id)
    if (before !== undefined) tally.remove({ ...before, of: before.counts ? countsOf(before.kind, before.tier) : [] })
    const expires = msOrNull(row.expires_at)
    const counts = !row.forgotten && !row.erased && (expires === null || expires > counted)
    tally.add({
      namespace: row.namespace,
      hash,
      of: counts ? countsOf(columnText(row.kind), columnText(row.tier)) : [],
    })
  }
  return indexed.filter(({ before }) => before === null).length
}

const countsOf = (kind: string, tier: string): readonly Count[] => [
  ['memories', ''],
  ['kind', kind],
  ['tier', tier],
]

/** Rows of a table that nothing else hangs on. @param counts which of them are counted, in SQL and here. */
const put = async <Row extends LinkRow | EpisodeRow>(
  query: Query,
  table: Table<Written<Row>, 'links' | 'episodes'>,
  part: readonly Row[],
  tally: Tally,
  counts: string,
  isCounted: (row: Row) => boolean,
): Promise<void> => {
  const of: readonly Count[] = [[table.name, '']]
  const stored = await query<Pick<Stored, 'id' | 'namespace' | 'hash' | 'counts'>>(
    `select id::text, namespace, hash, ${counts} as counts from ${table.name} where id = any($1::uuid[])`,
    [part.map(({ id }) => id)],
  )
  const storedById = new Map(stored.map((one) => [one.id, one]))
  const changed = part
    .map((row) => written(table.name, row, canonical(row)))
    .filter(({ row, hash }) => {
      const before = storedById.get(row.id)
      return before === undefined || hex(before.hash) !== hex(hash)
    })
  if (changed.length === 0) return
  await insert(query, table, changed, 'id')
  for (const { row, hash } of changed) {
    const before = storedById.get(row.id)
    if (before !== undefined) tally.remove({ ...before, of: before.counts ? of : [] })
    tally.add({ namespace: row.namespace, hash, of: isCounted(row) ? of : [] })
  }
}

const written = <Row>(table: 'memories' | 'links' | 'episodes', row: Row, text: string): Written<Row> => ({
  row,
  text,
  hash: rowHash(table, text),
})

/** @param answer columns of the rows that were written, as a `returning` list. */
const insert = <Row, Answer>(
  query: Query,
  table: Table<Row>,
  rows: readonly Row[],
  answer: string,
): Promise<readonly Answer[]> => {
  const valuesByColumn: unknown[][] = table.columns.map(() => [])
  for (const row of rows) table.values(row).forEach((value, i) => valuesByColumn[i]!.push(value))
  const names = table.columns.map(([name]) => name)
  // An array of arrays cannot be unnested one by one, so text arrays travel as literals; and bytes as hex digits.
  const params = table.columns.map(
    ([, type], i) => `$${i + 1}::${type === 'text[]' || type === 'bytea' ? 'text' : type}[]`,
  )
  const selected = table.columns.map(([name, type]) =>
    type === 'text[]' ? `${name}::text[]` : type === 'bytea' ? `decode(${name}, 'hex')` : name,
  )
  return query<Answer>(
    `insert into ${table.name} (${names.join(', ')})
     select ${selected.join(', ')} from unnest(${params.join(', ')}) as given(${names.join(', ')})
     on conflict (id) do update set ${names
       .slice(1)
       .map((name) => `${name} = excluded.${name}`)
       .join(', ')}
     where ${table.name}.row is distinct from excluded.row returning ${answer}`,
    valuesByColumn,
  )
}

/** A statement may touch an id once: the last given counts. */
const lastOfEach = <Row extends { readonly id: string }>(rows: readonly Row[]): Row[] => [
  ...new Map(rows.map((row) => [row.id, row])).values(),
]

const arrayLiteral = (items: readonly string[]): string =>
  `{${items.map((item) => `"${columnText(item).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
