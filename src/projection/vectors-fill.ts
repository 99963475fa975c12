/**
 * What the filling of vectors asks of the database: which texts are next, and to keep what became of them.
 *
 * A new embedder starts a generation beside the one that serves. It takes over when no memory waits any more; then the old one's
 * index and rows go. The first one serves from its first vector on, since there is nothing to keep serving.
 */
import { limits } from '../../crdt/limits.ts'
import type { RecordId } from '../../crdt/ids.ts'
import type { EmbeddedText, TextToEmbed, Unembedded, VectorSpace } from '../ports/embedding.ts'
import { ProjectionFailure, type MemoryRow } from '../ports/projection.ts'
import type { Query, Sql } from './sql.ts'
import { embeddedText, hashOf, vectorBytes } from './vectors.ts'

type Generation = VectorSpace & {
  readonly id: number
  readonly origin: string
  readonly wanted: boolean
  readonly serving: boolean
  readonly vectors: number
}

/** Makes `space` the wanted one, in the transaction that `query` belongs to, and answers the newest texts that lack a vector of it. */
export const nextTexts = async (
  query: Query,
  schema: string,
  space: VectorSpace,
  origin: string,
  limit: number,
): Promise<Unembedded> => {
  let generations = await readGenerations(query)
  let wanted = generations.find((one) => one.wanted)
  if (wanted === undefined || !same(wanted, space)) {
    await want(query, schema, generations, space, origin)
    generations = await readGenerations(query)
    wanted = generations.find((one) => one.wanted)!
  }
  const texts = await read(query, limit)
  const [count] = await query<{ waiting: number }>('select count(*)::float8 as waiting from unembedded')
  if (texts.length === 0 && !wanted.serving) {
    await takeOver(query, wanted, generations)
    wanted = { ...wanted, serving: true }
  }
  const { embedder, version, dim, origin: made } = wanted.serving ? wanted : generations.find((one) => one.serving)!
  return {
    texts,
    waiting: count?.waiting ?? 0,
    embedded: wanted.vectors,
    serving: { embedder, version, dim, origin: made },
  }
}

/** Stores the vectors whose text is still that of the memory, a few a transaction. */
export const keepVectors = async (
  sql: Sql,
  schema: string,
  space: VectorSpace,
  texts: readonly EmbeddedText[],
): Promise<void> => {
  for (let at = 0; at < texts.length; at += limits.embedding_statement_rows_max) {
    const part = texts.slice(at, at + limits.embedding_statement_rows_max)
    await sql.transaction((query) => keep(query, schema, space, part))
    await sql.wrote(part.length)
  }
}

const keep = async (query: Query, schema: string, space: VectorSpace, part: readonly EmbeddedText[]): Promise<void> => {
  const [wanted] = (await readGenerations(query)).filter((one) => one.wanted && same(one, space))
  if (wanted === undefined)
    throw new ProjectionFailure(
      `projection: the vectors of ${space.embedder} are not the wanted ones any more; they are asked for again`,
    )
  const stored = await query<{ id: RecordId; no: number; row: string }>(
    'select memories.id::text as id, no::float8 as no, row from unembedded join memories on memories.id = unembedded.memory where memory = any($1::uuid[]) and not hidden',
    [part.map(({ id }) => id)],
  )
  const storedById = new Map(
    stored.map(({ id, no, row }) => [id, { no, text: embeddedText(JSON.parse(row) as MemoryRow) }]),
  )
  const current = part.filter(({ id, text }) => storedById.get(id)?.text === text)
  const taken = current.flatMap(({ id, text, vector }) =>
    vector === null ? [] : [{ no: storedById.get(id)!.no, hash: hashOf(text), vector: vectorBytes(vector) }],
  )
  // A statement each, for a vector has no array that a driver knows the bytes of; they go out together.
  const added = await Promise.all(
    taken.map(({ no, hash, vector }) =>
      query(
        `insert into embeddings (memory, generation, hash, vector) values ($1::integer, ${wanted.id}, $2, $3::${schema}.vector(${space.dim})) on conflict (memory, generation) do nothing returning 1 as one`,
        [no, hash, vector],
      ),
    ),
  )
  await query(`update embedders set vectors = vectors + $1::integer where id = ${wanted.id}`, [added.flat().length])
  await query('delete from unembedded where memory = any($1::uuid[])', [current.map(({ id }) => id)])
}

const readGenerations = (query: Query): Promise<readonly Generation[]> =>
  query<Generation>(
    'select id::float8 as id, embedder, version, dim::float8 as dim, origin, wanted, serving, vectors::float8 as vectors from embedders order by id',
  )

const same = (a: VectorSpace, b: VectorSpace): boolean =>
  a.embedder === b.embedder && a.version === b.version && a.dim === b.dim

/** Another space is wanted: what neither serves nor is wanted goes, and every visible memory without a vector of the wanted waits. */
const want = async (
  query: Query,
  schema: string,
  generations: readonly Generation[],
  space: VectorSpace,
  origin: string,
): Promise<void> => {
  if (!(Number.isInteger(space.dim) && space.dim >= 1 && space.dim <= limits.embedding_dim_max))
    throw new ProjectionFailure(
      `projection: vectors have 1 to ${limits.embedding_dim_max} numbers, not ${space.dim}; take a smaller model, or --embedder-dim`,
    )
  const known = generations.find((one) => same(one, space))
  await query('update embedders set wanted = false')
  for (const one of generations) if (!one.serving && one !== known) await drop(query, one)
  const id = known?.id ?? (await make(query, schema, space, origin, !generations.some((one) => one.serving)))
  await query(`update embedders set wanted = true, origin = $1 where id = ${id}`, [origin])
  await query('delete from unembedded')
  await query(
    `insert into unembedded select id, created_ms from memories
     where not hidden and not exists (select 1 from embeddings where memory = memories.no and generation = ${id})`,
  )
}

const make = async (
  query: Query,
  schema: string,
  { embedder, version, dim }: VectorSpace,
  origin: string,
  serving: boolean,
): Promise<number> => {
  const [made] = await query<{ id: number }>(
    `insert into embedders (embedder, version, dim, origin, wanted, serving, vectors) values ($1, $2, $3::integer, $4, true, $5, 0) returning id::float8 as id`,
    [embedder, version, dim, origin, serving],
  )
  const id = made!.id
  await makeNearIndex(query, schema, id, dim)
  return id
}

/** The index over the vectors of one embedder. @param schema of pgvector, as an identifier. */
export const makeNearIndex = async (query: Query, schema: string, id: number, dim: number): Promise<void> =>
  void (await query(
    `create index embeddings_near_${id} on embeddings using hnsw ((vector::${schema}.vector(${dim})) ${schema}.vector_cosine_ops) where generation = ${id}`,
  ))

const takeOver = async (query: Query, wanted: Generation, generations: readonly Generation[]): Promise<void> => {
  for (const one of generations) if (one.id !== wanted.id) await drop(query, one)
  await query(`update embedders set serving = true where id = ${wanted.id}`)
}

/** The index first: taking its rows out one by one would take longest. */
const drop = async (query: Query, { id }: Generation): Promise<void> => {
  await query(`drop index if exists embeddings_near_${id}`)
  await query(`delete from embeddings where generation = ${id}`)
  await query(`delete from embedders where id = ${id}`)
}

/** The newest that wait. What has no text any more waits no longer. */
const read = async (query: Query, limit: number): Promise<readonly TextToEmbed[]> => {
  const rows = await query<{ id: RecordId; row: string }>(
    `select memories.id::text as id, row from unembedded join memories on memories.id = unembedded.memory order by unembedded.created_ms desc, unembedded.memory desc limit ${limit}`,
  )
  const texts = rows.map(({ id, row }) => ({ id, text: embeddedText(JSON.parse(row) as MemoryRow) }))
  const bare = texts.flatMap(({ id, text }) => (text === null ? [id] : []))
  if (bare.length > 0) await query('delete from unembedded where memory = any($1::uuid[])', [bare])
  const found = texts.flatMap(({ id, text }) => (text === null ? [] : [{ id, text }]))
  return found.length > 0 || bare.length === 0 ? found : read(query, limit)
}
