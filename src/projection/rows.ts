/**
 * Rows on their way into the tables: canonical JSON, filter columns, and the few statements that upsert a batch.
 *
 * One `insert … select from unnest(columns)` per table and 256 rows. A row that is already there in the same words is left
 * alone, so projecting something again costs no dead row.
 */
import { limits } from '../../crdt/limits.ts'
import type { EpisodeRow, LinkRow, MemoryRow, ProjectionBatch } from '../ports.ts'
import { vectorOf, wordsOf, type Stems, type WordsByField } from './lexemes.ts'
import type { Query } from './sql.ts'

/** Keys sorted, no blanks, nothing undefined: equal content gives equal text (RFC 8785 for what rows hold). */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
}

/** Text for a filter column or parameter. Postgres has no U+0000 and UTF-8 no lone surrogates; both sides replace them alike. */
export const columnText = (text: string): string => text.replace(/\p{Cs}|\0/gu, '\ufffd')

/** ms since 1970 of an RFC 3339 time, or null when it is none. */
export const msOf = (time: string): number | null => {
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? null : ms
}

type Column = readonly [name: string, type: string]
type Table<Row> = { readonly name: string; readonly columns: readonly Column[]; readonly values: (row: Row) => readonly unknown[] }

const MEMORY_COLUMNS: readonly Column[] = [
  ['id', 'uuid'], ['namespace', 'text'], ['kind', 'text'], ['tier', 'text'], ['tags', 'text[]'], ['agent_id', 'text'], ['run_id', 'text'],
  ['created_ms', 'bigint'], ['updated_ms', 'bigint'], ['expires_ms', 'bigint'], ['hidden', 'boolean'], ['erased', 'boolean'], ['search', 'tsvector'], ['row', 'text'],
]

type Worded = { readonly row: MemoryRow; readonly words: WordsByField }

const memoriesTable = (stems: Stems): Table<Worded> => ({
  name: 'memories',
  columns: MEMORY_COLUMNS,
  values: ({ row, words }) => [
    row.id, row.namespace, columnText(row.kind), columnText(row.tier), arrayLiteral(row.tags), row.agent_id,
    row.run_id === null ? null : columnText(row.run_id), msOf(row.created_at) ?? 0, msOf(row.updated_at) ?? 0,
    row.expires_at === null ? null : msOf(row.expires_at), row.forgotten || row.erased, row.erased,
    vectorOf(words, stems), canonical({ ...row, tags: [...row.tags].sort() }),
  ],
})

const LINKS: Table<LinkRow> = {
  name: 'links',
  columns: [['id', 'uuid'], ['from_id', 'uuid'], ['to_id', 'uuid'], ['created_ms', 'bigint'], ['removed', 'boolean'], ['row', 'text']],
  values: (row) => [row.id, row.from, row.to, msOf(row.created_at) ?? 0, row.removed, canonical(row)],
}

const EPISODES: Table<EpisodeRow> = {
  name: 'episodes',
  columns: [['id', 'uuid'], ['agent_id', 'text'], ['event_type', 'text'], ['created_ms', 'bigint'], ['row', 'text']],
  values: (row) => [row.id, row.agent_id, columnText(row.event_type), msOf(row.created_at) ?? 0, canonical(row)],
}

/** Writes a batch's rows, in the transaction that `query` belongs to. Answers how many rows were given, and how many memories are new. */
export const upsert = async (query: Query, batch: ProjectionBatch, stems: Stems): Promise<{ readonly given: number; readonly fresh: number }> => {
  const memories = lastOfEach(batch.memories)
  let fresh = 0
  for (const part of parts(memories)) {
    const worded = part.map((row): Worded => ({ row, words: wordsOf(row) }))
    await stems.learn(query, worded.flatMap(({ words }) => words.flatMap(([, list]) => list)))
    fresh += await insert(query, memoriesTable(stems), worded)
  }
  const links = lastOfEach(batch.links)
  for (const part of parts(links)) await insert(query, LINKS, part)
  const episodes = lastOfEach(batch.episodes)
  for (const part of parts(episodes)) await insert(query, EPISODES, part)
  return { given: memories.length + links.length + episodes.length, fresh }
}

/** Answers how many rows were not there before. */
const insert = async <Row>(query: Query, table: Table<Row>, rows: readonly Row[]): Promise<number> => {
  const valuesByColumn: unknown[][] = table.columns.map(() => [])
  for (const row of rows) table.values(row).forEach((value, i) => valuesByColumn[i]!.push(value))
  const names = table.columns.map(([name]) => name)
  // An array of arrays cannot be unnested one by one, so text arrays travel as literals.
  const params = table.columns.map(([, type], i) => `$${i + 1}::${type === 'text[]' ? 'text' : type}[]`)
  const selected = table.columns.map(([name, type]) => (type === 'text[]' ? `${name}::text[]` : name))
  const [put] = await query<{ fresh: number }>(
    `with put as (insert into ${table.name} (${names.join(', ')})
     select ${selected.join(', ')} from unnest(${params.join(', ')}) as given(${names.join(', ')})
     on conflict (id) do update set ${names.slice(1).map((name) => `${name} = excluded.${name}`).join(', ')}
     where ${table.name}.row is distinct from excluded.row returning xmax = 0 as fresh)
     select (count(*) filter (where fresh))::float8 as fresh from put`,
    valuesByColumn,
  )
  return put?.fresh ?? 0
}

/** A statement may touch an id once: the last given counts. */
const lastOfEach = <Row extends { readonly id: string }>(rows: readonly Row[]): Row[] => [...new Map(rows.map((row) => [row.id, row])).values()]

function* parts<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += limits.projection_statement_rows_max) yield rows.slice(at, at + limits.projection_statement_rows_max)
}

const arrayLiteral = (items: readonly string[]): string =>
  `{${items.map((item) => `"${columnText(item).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`
