/**
 * Vectors of the rows: their table, what a batch does to them, and the nearest ones to a question's.
 *
 * A memory is known by its number here, as in the postings. One table for all embedders, told apart by `generation` (a row of
 * `embedders`), each generation with its own partial HNSW index, so that a new embedder's vectors, of whatever dimension, grow beside
 * those that serve. The index is there from the first row on: rows enter it as they come, and no one moment has to build it. Where
 * there are few, it is not asked, for comparing all is exact.
 *
 * Invariants:
 * 1. A vector is of the text that its memory has now (`hash`), and the memory can be found: a batch deletes what it contradicts, in
 *    its own transaction.
 * 2. `unembedded` names exactly the visible memories with a text that lack a vector of the wanted generation, but for those refused.
 * 3. `embedders.vectors` is how many there are.
 *
 * Distances are cosine: 0 (same direction) … 2.
 */
import { createHash } from 'node:crypto'
import { limits } from '../../crdt/limits.ts'
import type { VectorSpace } from '../ports/embedding.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { attempted, extension } from './extension.ts'
import type { Kept } from './filter.ts'
import type { Query } from './sql.ts'

/** The first pgvector whose index goes on searching until a filter is satisfied. */
const VERSION_MIN = [0, 8] as const

export type Near = { readonly id: string; readonly distance: number }

/** Makes the table. Answers the extension's schema as an identifier, or why there are no vectors, as the middle of a sentence. */
export const prepareVectors = async (
  query: Query,
): Promise<{ readonly schema: string } | { readonly missing: string }> => {
  const found = await extension(query, 'vector')
  if (found === null) return { missing: 'the database has no pgvector: create extension vector there as its owner' }
  const [major = 0, minor = 0] = found.version.split('.').map(Number)
  if (major === VERSION_MIN[0] && minor < VERSION_MIN[1])
    return {
      missing: `the database's pgvector ${found.version} is too old: update it to ${VERSION_MIN.join('.')} or newer`,
    }
  const made = await attempted(
    query,
    `create table if not exists embeddings (
       memory integer not null, generation integer not null, hash text not null, vector ${found.schema}.vector not null, primary key (memory, generation))`,
  )
  // In one piece with its row: a look elsewhere for each would take most of a search's time.
  if (made) await query('alter table embeddings alter column vector set storage plain')
  return made
    ? { schema: found.schema }
    : { missing: `this peer may not use pgvector in schema ${found.schema}: grant usage on it` }
}

/** What stands for a memory before an embedder: title and text, cut at a character; null when there is nothing to find it by. */
export const embeddedText = ({
  title,
  content,
  forgotten,
  erased,
}: Pick<MemoryRow, 'title' | 'content' | 'forgotten' | 'erased'>): string | null => {
  if (forgotten || erased) return null
  const bytes = Buffer.from([title, content].filter((part) => part !== null && part.trim() !== '').join('\n'))
  // As a stream: half a character at the end is left out, not replaced.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    bytes.subarray(0, limits.embedding_text_bytes_max),
    { stream: true },
  )
  return text === '' ? null : text
}

/** Of an embedded text: half of its SHA-256 in hex, enough to notice a change. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** Holds the invariants for memories that a batch has written, in its transaction. */
export const followRows = async (query: Query, memories: readonly MemoryRow[]): Promise<void> => {
  if (memories.length === 0) return
  const generations = await query<{ id: number; wanted: boolean }>('select id::float8 as id, wanted from embedders')
  if (generations.length === 0) return
  const rows = [...new Map(memories.map((row) => [row.id, row])).values()].map((row) => ({
    row,
    text: embeddedText(row),
  }))
  const given = [rows.map(({ row }) => row.id), rows.map(({ text }) => (text === null ? null : hashOf(text)))]
  await query(
    `with gone as (
       delete from embeddings using unnest($1::uuid[], $2::text[]) as given(id, hash) join memories using (id)
       where memory = memories.no and embeddings.hash is distinct from given.hash returning generation)
     update embedders set vectors = vectors - fewer.count from (select generation, count(*) from gone group by generation) as fewer where id = fewer.generation`,
    given,
  )
  await query(
    'delete from unembedded using unnest($1::uuid[], $2::text[]) as given(id, hash) where memory = given.id and given.hash is null',
    given,
  )
  const wanted = generations.find((one) => one.wanted)
  if (wanted === undefined) return
  await query(
    `insert into unembedded select memories.id, created_ms from unnest($1::uuid[], $2::text[]) as given(id, hash) join memories using (id)
     where given.hash is not null and not exists (select 1 from embeddings where memory = memories.no and generation = $3::integer) on conflict do nothing`,
    [...given, wanted.id],
  )
}

type Serving = { readonly space: VectorSpace; readonly id: number; readonly vectors: number }

/** The memories nearest to a vector of `space`, nearest first, of those that satisfy a filter; none while the vectors of another space serve. */
export type Nearest = (
  query: Query,
  space: VectorSpace,
  vector: readonly number[],
  limit: number,
  kept: Kept,
) => Promise<readonly Near[]>

/**
 * How the index searches, as settings of a connection. Strictly in order, going on until a filter is satisfied or so many were looked
 * at; for more than the width it goes on likewise.
 */
export const INDEX_SETTINGS: readonly string[] = [
  'hnsw.iterative_scan=strict_order',
  `hnsw.ef_search=${limits.embedding_search_width}`,
  `hnsw.max_scan_tuples=${limits.embedding_search_rows_max}`,
]

/** @param schema of pgvector, as an identifier. */
export const nearestIn = (schema: string): Nearest => {
  /** What served when it was last asked: a search says whether it still does, so nobody need ask beforehand. */
  let known: Serving | null = null
  const servingOf = async (query: Query, space: VectorSpace): Promise<Serving | null> => {
    const [row] = await query<Omit<Serving, 'space'>>(
      'select id::float8 as id, vectors::float8 as vectors from embedders where serving and embedder = $1 and version = $2 and dim = $3::integer',
      [space.embedder, space.version, space.dim],
    )
    return row === undefined ? null : { ...row, space }
  }
  return async (query, space, vector, limit, kept) => {
    if (vector.length !== space.dim || !vector.every(Number.isFinite)) return []
    const supposed = known
    if (supposed !== null && isSame(supposed.space, space)) {
      const found = await search(query, supposed, vector, limit, kept, schema)
      const vectors = found[0]?.vectors ?? null
      if (vectors !== null) {
        known = { ...supposed, vectors }
        return found
      }
    }
    const serving = (known = await servingOf(query, space))
    return serving === null || serving.vectors === 0 ? [] : search(query, serving, vector, limit, kept, schema)
  }
}

const isSame = (a: VectorSpace, b: VectorSpace): boolean =>
  a.embedder === b.embedder && a.version === b.version && a.dim === b.dim

/** `vectors`: so many serve, null when they do no longer. */
type Found = Near & { readonly vectors: number | null }

const search = async (
  query: Query,
  { space, id, vectors }: Serving,
  vector: readonly number[],
  limit: number,
  { few, ...where }: Kept,
  schema: string,
): Promise<readonly Found[]> => {
  const distanceTo = (place: number): string =>
    `(embeddings.vector::${schema}.vector(${space.dim}) operator(${schema}.<=>) $${place}::${schema}.vector)`
  // A sum is no order that the index knows.
  const exact = (distance: string): string => `${distance} + 0`
  const serving = `(select vectors::float8 from embedders where id = ${id} and serving) as vectors`
  if (few !== null) {
    return query<Found>(
      `select memories.id::text as id, distance, ${serving} from (
         select memory, ${distanceTo(2)}::float8 as distance from embeddings
         where memory = any((select $1::text)::integer[]) and generation = ${id} order by ${exact(distanceTo(2))} limit ${limit}) as near
       join memories on memories.no = near.memory order by distance`,
      [few.numbers, vectorBytes(vector)],
    )
  }
  const params = [...where.params, vectorBytes(vector)]
  const distance = distanceTo(params.length)
  const inOrder = (order: string): Promise<readonly Found[]> =>
    query<Found>(
      `select memories.id::text as id, ${distance}::float8 as distance, ${serving} from embeddings join memories on memories.no = embeddings.memory
     where embeddings.generation = ${id} and ${where.sql} order by ${order} limit ${limit}`,
      params,
    )
  if (vectors <= limits.embedding_exact_rows_max) return inOrder(exact(distance))
  const indexed = await inOrder(distance)
  // The index gave up before the filter was satisfied.
  return indexed.length < limit ? inOrder(exact(distance)) : indexed
}

/**
 * As pgvector's `vector_recv` reads it: length and zero in two bytes each, then the numbers in four, the highest byte first. Its
 * text would be read digit by digit, which takes the embedded database longer than the search (1.6 ms of 384 numbers).
 */
export const vectorBytes = (vector: readonly number[]): Uint8Array => {
  const bytes = Buffer.alloc(4 + 4 * vector.length)
  bytes.writeInt16BE(vector.length)
  vector.forEach((value, i) => bytes.writeFloatBE(value, 4 + 4 * i))
  return bytes
}
