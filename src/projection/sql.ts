/**
 * What the engine asks of a database: the least that PGlite and a Postgres server have in common.
 *
 * Parameters are null, strings, numbers, booleans, arrays of these, and bytes in a type's own binary form. Whole numbers come back as
 * numbers only when cast to `float8` (drivers differ on `int8`), so the engine's SQL casts.
 */
import { limits } from '../../crdt/limits.ts'
import { ProjectionFailure } from '../ports/projection.ts'

export type Query = <Row>(text: string, params?: readonly unknown[]) => Promise<readonly Row[]>

/** Schemas of ours: of the rows that serve, and of those that are made beside them (`generations.ts`). */
export type Schemas = { readonly serving: string; readonly next: string }

export type Sql = {
  readonly schemas: Schemas
  /** Connects; for an embedded database also makes or repairs its folder. Idempotent. */
  connect(): Promise<void>
  /** Reads and writes, all or nothing; one at a time. Names are those of `schemas.serving`. */
  transaction<T>(run: (query: Query) => Promise<T>): Promise<T>
  /** Reads of one moment. `beside` reads at the same time, of a moment of its own, where the engine can; else it is the same. */
  snapshot<T>(run: (query: Query, beside: Query) => Promise<T>): Promise<T>
  /** Destroys everything of ours, both generations, on disk as well, even when it could not be opened; `connect` comes next. */
  wipe(): Promise<void>
  /** Rejects where there is no room for a batch, which is then better not begun. */
  room(): Promise<void>
  /** Tells that `rows` were written, so that the database can be kept in order between batches. */
  wrote(rows: number): Promise<void>
  /** Nothing has been written for a while: an embedded database puts in order what is worth it, which holds searches up for some 0.3 s; a server counts its rows. */
  rest(): Promise<void>
  /** Destroys what deleted texts left behind in files, where the engine can do so. */
  scrub(): Promise<void>
  close(): Promise<void>
}

/**
 * `work` with a `query` that ends when it does: where one of several statements failed, the others' followers would otherwise run
 * behind the rollback, in the next transaction.
 */
export const whileOpen = async <T>(query: Query, work: (query: Query) => Promise<T>): Promise<T> => {
  let ended = false
  try {
    return await work((text, params) =>
      ended
        ? Promise.reject(
            new ProjectionFailure('projection: this transaction has ended because a statement of it failed; ask again'),
          )
        : query(text, params),
    )
  } finally {
    ended = true
  }
}

/**
 * An array parameter that the planner does not look into. It takes ten elements for what it cannot see, so a statement with fewer
 * would seem worth planning anew each time, which takes as long as many a search (a whole question: 6.8 ms so, 5.7 planned once).
 */
export const unseen = (place: number, type: 'integer' | 'float8' | 'text' | 'uuid'): string =>
  `(select $${place}::${type}[])::${type}[]`

/** Tables that search reads all over: kept vacuumed, so that they are read from their indexes, and counted. */
export const SEARCHED = ['memories', 'postings', 'words', 'tags', 'embeddings'] as const
/**
 * Tables and indexes that hold what people wrote, and vectors, from which it can be guessed: rewritten when something of it was
 * erased. Rewriting `embeddings` builds its HNSW indexes anew, some 4 ms a vector during which the embedded database answers
 * nobody: it comes last, and only up to `scrub_embeddings_max`. Above that an erased memory's vector is gone from table and index,
 * but its bytes stay in free space until they are written over.
 */
const WITH_TEXT = ['memories', 'words', 'tags', 'episodes', 'embeddings'] as const

/** Those of the tables that are there, in that order: `embeddings` is not in a database without pgvector. */
export const present = async (query: Query, tables: readonly string[]): Promise<readonly string[]> =>
  (
    await query<{ name: string }>(
      'select name from unnest($1::text[]) with ordinality as given(name, place) where to_regclass(name) is not null order by place',
      [tables],
    )
  ).map(({ name }) => name)

/** Those with text that are to be rewritten. */
export const tablesWithText = async (query: Query): Promise<readonly string[]> => {
  const names = await present(query, WITH_TEXT)
  if (!names.includes('embeddings')) return names
  const [many] = await query<{ many: boolean }>(
    'select count(*) > $1::bigint as many from (select 1 from embeddings limit $1::bigint + 1) as counted',
    [limits.scrub_embeddings_max],
  )
  return many?.many === true ? names.filter((name) => name !== 'embeddings') : names
}

/** The embedded database failed without an answer of its own: it aborted, or what it said is no protocol. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * This instance of the embedded database is not to be asked again, whatever it would answer: its thread ends, and the next one opens
 * its folder anew. `blameless`: the cause is around it (`hardship.ts`), so the folder is sound.
 */
export class BrokenInstance extends ProjectionFailure {
  readonly blameless: boolean
  constructor(message: string, blameless: boolean, rebuild: boolean) {
    super(message, rebuild)
    this.blameless = blameless
  }
}

/**
 * SQLSTATE classes after which an embedded database goes on as if in another state than it is in: lost connection (08), cursor (24) and
 * transaction (25) out of step, no resources (53: a full disk), shut down (57), I/O (58), internal (XX). All others refuse a statement.
 */
const BREAKING = /^(?:08|24|25|53|57|58|XX)/

export const breaks = (error: unknown): boolean =>
  error instanceof Unanswered ||
  (error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    (BREAKING.test(error.code) || ('severity' in error && error.severity !== 'ERROR')))

/**
 * SQLSTATE classes after which the rows cannot be trusted or are gone: damaged data (XX001, XX002), missing tables (42P01, 3F000),
 * missing files (58P01). Everything else means: not now.
 */
const REBUILD: ReadonlySet<string> = new Set(['XX001', 'XX002', '42P01', '3F000', '58P01'])

/** Translates a driver's error, once, at the port. @param what for people: 'the embedded database', 'Postgres at db:5432'. */
export const translated = (error: unknown, what: string): ProjectionFailure => {
  if (error instanceof ProjectionFailure) return error
  const code =
    typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : null
  const message = error instanceof Error && error.message !== '' ? error.message : (code ?? String(error))
  const rebuild = code !== null && REBUILD.has(code)
  const mend = rebuild ? 'the rows are rebuilt from the log' : 'it is tried again'
  return new ProjectionFailure(
    `projection: ${what} failed: ${message.split('\n')[0]}${code === null ? '' : ` (${code})`}; ${mend}`,
    rebuild,
  )
}
