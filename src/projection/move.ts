/**
 * Moves the rows of one database into another, as they are: nothing is derived, stemmed or embedded again.
 *
 * All of it is one transaction there, so a cut leaves what was there before. Tables and columns are those that the source's catalogue
 * names, so none is forgotten; values travel as Postgres' own text, which every type reads back exactly. The graph in Apache AGE is no
 * part of it: it is made again where it is wanted.
 *
 * Invariants:
 * 1. Each row's hash is computed from its text on both sides, and the sums of these must be the digests that stand beside the rows: a
 *    damaged row is not moved, and what does not arrive whole is not kept.
 * 2. Rows there that show as much of the same log are left alone, and those that show more.
 */
import { bytesToHex } from '../../crdt/ids.ts'
import { addToSet, emptySetHash, setDigest } from '../../crdt/set-hash.ts'
import { ProjectionFailure, type ProjectionCursor } from '../ports/projection.ts'
import { readCursor } from './cursor.ts'
import { digestOf, rowHash } from './digest.ts'
import { enter } from './generations.ts'
import { hasTables, isNewest, migrate } from './migrations.ts'
import { prepareTrigrams } from './near.ts'
import type { Query, Sql } from './sql.ts'
import { makeNearIndex } from './vectors-fill.ts'
import { prepareVectors } from './vectors.ts'

export type Moved = {
  /** `already`: the same rows were there. `ahead`: rows that show more of this log were. */
  readonly outcome: 'moved' | 'already' | 'ahead'
  readonly memories: number
  readonly vectors: number
  /** Of all tables. */
  readonly rows: number
  readonly digest: string
  readonly cursor: ProjectionCursor
  /** Why vectors stay behind, as the middle of a sentence; null when there are none or they are there. */
  readonly without_vectors: string | null
}

type Told = { readonly onProgress?: (done: number, total: number) => void }
type Table = { readonly name: string; readonly columns: readonly string[] }
type Held = {
  readonly memories: number
  readonly cursor: ProjectionCursor
  readonly digest: string
  /** Of all embedders. */
  readonly vectors: number
}

/** Not moved: the version is that of the tables there, the graph is made anew. */
const STAYS = ['schema_version', 'graphs']
const HASHED = ['memories', 'links', 'episodes'] as const
/** Rows asked for at once: so many that they take some 2 MiB, and each number is a power of two, for each is a statement of its own. */
const PART_BYTES = 2 ** 21
const PART_ROWS = { min: 16, first: 256, max: 4_096 }

/** What a database holds; null when it holds no rows, or those of another version. Both are connected. */
export const heldBy = (sql: Sql): Promise<Held | null> => sql.snapshot(held)

const held = async (query: Query): Promise<Held | null> => {
  if (!(await hasTables(query)) || !(await isNewest(query))) return null
  const cursor = await readCursor(query)
  if (cursor === null) return null
  const [row] = await query<{ vectors: number }>('select coalesce(sum(vectors), 0)::float8 as vectors from embedders')
  return {
    cursor,
    digest: (await digestOf(query)).all,
    memories: await countOf(query, 'memories'),
    vectors: row?.vectors ?? 0,
  }
}

/** @param from,to connected. @throws ProjectionFailure in one line; then nothing has changed. */
export const moveRows = (from: Sql, to: Sql, { onProgress = () => undefined }: Told = {}): Promise<Moved> =>
  from.snapshot(async (read) => {
    const source = await held(read)
    if (source === null)
      throw new ProjectionFailure(
        'there are no rows of this version to be moved: start the peer once with --projection as it was, let `projection_lag` of `mnemesh status` come to 0, and try again',
      )
    const there = await heldBy(to)
    const facts = {
      memories: source.memories,
      vectors: source.vectors,
      digest: source.digest,
      cursor: source.cursor,
      without_vectors: null,
    }
    const as = there === null ? 'less' : compared(there, source)
    if (as !== 'less')
      return { ...facts, outcome: as, rows: 0, ...(as === 'ahead' && { digest: there!.digest, cursor: there!.cursor }) }
    const tables = await tablesOf(read, from.schemas.serving)
    const counts = await Promise.all(tables.map(({ name }) => countOf(read, name)))
    const rows = counts.reduce((sum, count) => sum + count, 0)
    // Read over once before anything is written, and over again where it arrived.
    let done = 0
    const step = (count: number): void => onProgress((done += count), rows + 2 * facts.memories)
    await requireWhole(read, 'here', (count) => step(count))
    await to.room()
    const without_vectors = await to.transaction(async (write) => {
      const missing = await emptied(write, to)
      for (const [i, table] of tables.entries()) {
        if (missing !== null && OF_VECTORS.has(table.name)) continue
        const copied = await copyTable(read, write, table, to.schemas.serving, step)
        if (copied !== counts[i])
          throw new ProjectionFailure(`${copied} of the ${counts[i]} rows of ${table.name} could be read; try again`)
      }
      if (missing === null) await indexVectors(write)
      const digest = await requireWhole(write, 'there', step)
      if (digest !== source.digest)
        throw new ProjectionFailure(`the rows arrived with the digest ${digest}, not ${source.digest}; try again`)
      return missing
    })
    await to.wrote(rows)
    await to.rest()
    return {
      ...facts,
      outcome: 'moved',
      rows,
      ...(without_vectors !== null && facts.vectors > 0 && { vectors: 0, without_vectors }),
    }
  })

const compared = (there: Held, here: Held): 'already' | 'ahead' | 'less' => {
  if (there.cursor.epoch !== here.cursor.epoch) return 'less'
  const further = there.cursor.revision - here.cursor.revision || there.cursor.arrival - here.cursor.arrival
  if (further > 0) return 'ahead'
  return further === 0 && there.digest === here.digest && there.vectors >= here.vectors ? 'already' : 'less'
}

/** Tables of ours and their columns, as the catalogue has them. */
const tablesOf = (query: Query, schema: string): Promise<readonly Table[]> =>
  query<Table>(
    `select relname::text as name, array_agg(attname::text order by attnum) as columns
     from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
     where relnamespace = $1::text::regnamespace and relkind = 'r' and relname <> all($2::text[]) group by relname order by relname`,
    [schema, STAYS],
  )

const OF_VECTORS: ReadonlySet<string> = new Set(['embedders', 'embeddings', 'unembedded'])

/** Tables as a new database has them, in place of what was there. Answers why they take no vectors, or null. */
const emptied = async (query: Query, { schemas: { serving, next } }: Sql): Promise<string | null> => {
  await query(`drop schema if exists ${serving}, ${next} cascade`)
  await query(`create schema ${serving}`)
  await enter(query, serving)
  await migrate(query)
  await prepareTrigrams(query)
  const vectors = await prepareVectors(query)
  return 'missing' in vectors ? vectors.missing : null
}

const copyTable = async (
  read: Query,
  write: Query,
  { name, columns }: Table,
  schema: string,
  step: (count: number) => void,
): Promise<number> => {
  const types = await write<{ name: string; type: string }>(
    `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1::text::regclass and attnum > 0 and not attisdropped`,
    [`${schema}.${name}`],
  )
  const typeByName = new Map(types.map((column) => [column.name, column.type]))
  const given = columns.map((_, i) => `c${i}`)
  const insert = `insert into ${name} (${columns.join(', ')}) overriding system value
    select ${columns.map((column, i) => `${given[i]}::${typeByName.get(column)!}`).join(', ')}
    from unnest(${columns.map((_, i) => `$${i + 1}::text[]`).join(', ')}) as given(${given.join(', ')})`
  const cursor = `move_${name}`
  await read(
    `declare ${cursor} no scroll cursor for select ${columns.map((column, i) => `${column}::text as ${given[i]}`).join(', ')} from ${name}`,
  )
  let copied = 0
  for (let wanted = PART_ROWS.first; ;) {
    const rows = await read<Readonly<Record<string, string | null>>>(`fetch ${wanted} from ${cursor}`)
    if (rows.length === 0) break
    await write(
      insert,
      given.map((column) => rows.map((row) => row[column])),
    )
    copied += rows.length
    step(rows.length)
    wanted = nextPart(rows)
  }
  await read(`close ${cursor}`)
  await followNumbers(read, write, name, columns)
  return copied
}

const nextPart = (rows: readonly Readonly<Record<string, string | null>>[]): number => {
  const chars = rows.reduce((sum, row) => Object.values(row).reduce((all, value) => all + (value?.length ?? 4), sum), 0)
  const fit = 2 ** Math.floor(Math.log2(PART_BYTES / (chars / rows.length)))
  return Math.min(PART_ROWS.max, Math.max(PART_ROWS.min, fit))
}

/** New rows are numbered on from where the source was. */
const followNumbers = async (read: Query, write: Query, table: string, columns: readonly string[]): Promise<void> => {
  const ask = 'select pg_get_serial_sequence($1::text, $2::text) as sequence'
  for (const column of columns) {
    const [here] = await read<{ sequence: string | null }>(ask, [table, column])
    const [there] = await write<{ sequence: string | null }>(ask, [table, column])
    const [source, target] = [here?.sequence ?? null, there?.sequence ?? null]
    if (source === null || target === null) continue
    const [at] = await read<{ last: number; called: boolean }>(
      `select last_value::float8 as last, is_called as called from ${source}`,
    )
    await write('select setval($1::text::regclass, $2::bigint, $3::boolean)', [
      target,
      at?.last ?? 1,
      at?.called ?? false,
    ])
  }
}

const indexVectors = async (query: Query): Promise<void> => {
  const vectors = await prepareVectors(query)
  if ('missing' in vectors) return
  for (const { id, dim } of await query<{ id: number; dim: number }>(
    'select id::float8 as id, dim::float8 as dim from embedders order by id',
  ))
    await makeNearIndex(query, vectors.schema, id, dim)
}

/** Adds up all rows anew, and holds that against what stands beside them. Answers the digest. @param step told of memories. */
const requireWhole = async (query: Query, where: string, step: (count: number) => void): Promise<string> => {
  const sumByNamespace = new Map<string, Uint8Array>()
  const all = emptySetHash()
  for (const table of HASHED) {
    const cursor = `hashed_${table}`
    await query(
      `declare ${cursor} no scroll cursor for select namespace, row, encode(hash, 'hex') as hash from ${table}`,
    )
    for (;;) {
      const rows = await query<{ namespace: string; row: string; hash: string }>(
        `fetch ${PART_ROWS.first} from ${cursor}`,
      )
      if (rows.length === 0) break
      for (const { namespace, row, hash } of rows) {
        const found = rowHash(table, row)
        if (bytesToHex(found) !== hash)
          throw new ProjectionFailure(
            `a row of ${table} ${where} is not what it was when it was written; make the rows anew with \`mnemesh project rebuild\` and try again`,
          )
        const sum = sumByNamespace.get(namespace) ?? emptySetHash()
        sumByNamespace.set(namespace, sum)
        addToSet(sum, found)
        addToSet(all, found)
      }
      if (table === 'memories') step(rows.length)
    }
    await query(`close ${cursor}`)
  }
  const told = await digestOf(query)
  const digest = setDigest(all)
  const differs = Object.entries(told.by_namespace).some(
    ([namespace, one]) => one !== setDigest(sumByNamespace.get(namespace) ?? emptySetHash()),
  )
  if (told.all !== digest || differs)
    throw new ProjectionFailure(
      `the rows ${where} add up to ${digest} and say ${told.all}; make them anew with \`mnemesh project rebuild\` and try again`,
    )
  return digest
}

const countOf = async (query: Query, table: string): Promise<number> =>
  (await query<{ rows: number }>(`select count(*)::float8 as rows from ${table}`))[0]?.rows ?? 0
