/**
 * A Postgres server (13 or newer) as the projection's database, each peer in a schema of its own.
 *
 * One connection writes and holds an advisory lock named after the schema, so that two peers that were given one schema
 * by mistake are told so instead of wiping each other's rows for ever; the others read.
 */
import pg from 'pg'
import { limits } from '../../crdt/limits.ts'
import { ProjectionFailure } from '../ports/projection.ts'
import { present, SEARCHED, tablesWithText, translated, whileOpen, type Query, type Sql } from './sql.ts'
import { INDEX_SETTINGS } from './vectors.ts'

const KEEP_ALIVE = limits.projection_keep_alive_s
const READERS_MAX = limits.projection_connections_max - 1
/** With `_next` behind it an identifier still, which a server cuts at 63. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,57}$/

/**
 * @param url `postgres://user:password@host:port/database`. @param schema lower-case letters, digits, `_`; at most 58.
 * @param beside whether it only reads, beside the peer whose rows these are: it holds no lock and makes nothing.
 */
export const openPostgres = (url: string, schema: string, log: (line: string) => void, beside = false): Sql => {
  if (!SCHEMA.test(schema))
    throw new ProjectionFailure(
      `projection: schema ${JSON.stringify(schema)} is not an identifier; use lower-case letters, digits and _, at most 58`,
    )
  const name = nameOf(url)
  const schemas = { serving: schema, next: `${schema}_next` }
  const options: pg.ClientConfig = {
    connectionString: url,
    application_name: 'mnemesh',
    // A peer that vanished without a word would hold its schema's lock for two hours: the system's own keep-alives are that slow.
    options: [
      `search_path=${schema}`,
      `tcp_keepalives_idle=${KEEP_ALIVE}`,
      `tcp_keepalives_interval=${KEEP_ALIVE}`,
      'tcp_keepalives_count=2',
      ...INDEX_SETTINGS,
    ]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    connectionTimeoutMillis: limits.projection_query_ms_max,
    keepAlive: true,
    // Statements that do not wait for each other's answers go out together: a round trip takes as long as most of them.
    pipeline: true,
    keepAliveInitialDelayMillis: 1_000 * KEEP_ALIVE,
  }
  let readers: pg.Pool | null = null
  let writer: pg.Client | null = null
  let turn: Promise<unknown> = Promise.resolve()
  /** Rows written since the server was last told to count. */
  let uncounted = 0

  const translate = (error: unknown): ProjectionFailure => translated(error, name)

  const connectWriter = async (): Promise<pg.Client> => {
    if (writer !== null) return writer
    const client = new pg.Client(options)
    client.on('error', (error) => {
      log(`projection: the connection to ${name} ended: ${error.message}; it is opened again`)
      if (writer === client) writer = null
    })
    client.on('end', () => {
      if (writer === client) writer = null
    })
    try {
      await client.connect().catch((error: unknown) => refused(error))
      const locked = await client.query<{ ok: boolean }>(
        "select pg_try_advisory_lock(hashtextextended('mnemesh/projection/' || $1, 0)) as ok",
        [schema],
      )
      if (locked.rows[0]?.ok !== true)
        throw new ProjectionFailure(
          `projection: schema ${schema} at ${name} is in use by another peer; give this one its own`,
        )
      await client.query(`create schema if not exists ${schema}`)
    } catch (error) {
      await client
        .end()
        .catch((ending: Error) => log(`projection: closing the connection to ${name} failed: ${ending.message}`))
      throw error
    }
    return (writer = client)
  }

  /** A database that is not there is made, where its user may do so; either way the next attempt shows. */
  const refused = async (error: unknown): Promise<never> => {
    const database = codeOf(error) === NO_DATABASE ? databaseOf(url) : null
    if (database === null) throw error
    const client = new pg.Client({
      ...options,
      connectionString: Object.assign(new URL(url), { pathname: '/postgres' }).href,
      options: '',
    })
    client.on('error', (failed) =>
      log(`projection: the connection to make a database at ${name} ended: ${failed.message}`),
    )
    try {
      await client.connect()
      await client.query(`create database ${client.escapeIdentifier(database)}`)
      log(`projection: ${name} was not there and is made anew; the rows come from the log`)
    } catch (failed) {
      log(
        `projection: ${name} is not there and cannot be made (${failed instanceof Error ? failed.message : String(failed)}); create it, or name another with --projection`,
      )
    } finally {
      await client
        .end()
        .catch((ending: Error) => log(`projection: closing the connection to ${name} failed: ${ending.message}`))
    }
    throw error
  }

  /** Statements that are planned once a connection: planning takes longer than many a search. Texts come from a few patterns, their number is bounded all the same. */
  const nameByText = new Map<string, string>()
  const prepared = (text: string): { readonly text: string; readonly name?: string } => {
    const known = nameByText.get(text)
    if (known !== undefined) return { text, name: known }
    if (nameByText.size >= limits.projection_prepared_max) return { text }
    const name = `mnemesh_${nameByText.size}`
    nameByText.set(text, name)
    return { text, name }
  }

  /** By callback: a query whose promise the driver makes itself is made among the old objects (`src/v8.ts`), and holds its answer there. */
  const asking =
    (on: Asked): Query =>
    (text, params) =>
      new Promise((resolve, reject) => {
        on.query({ values: [...(params ?? [])], ...prepared(text) }, (error, result) =>
          error ? reject(error) : resolve(result.rows as never),
        )
      })

  /** Asks on a connection that is free; where none is, on the one in hand, for to wait for another while holding one could last for ever. */
  const besideOf = (pool: pg.Pool, inHand: Query): Query => {
    const other = asking(pool)
    return (text, params) =>
      (pool.idleCount + READERS_MAX - pool.totalCount > pool.waitingCount ? other : inHand)(text, params)
  }

  const inTransaction = async <T>(
    client: pg.ClientBase,
    mode: string,
    work: (query: Query) => Promise<T>,
    commit: () => Promise<unknown> = () => client.query('commit'),
  ): Promise<T> => {
    try {
      const [, result] = await Promise.all([client.query(`begin ${mode}`), whileOpen(asking(client), work)])
      await commit()
      return result
    } catch (error) {
      await client
        .query('rollback')
        .catch((failed: Error) =>
          log(`projection: rollback at ${name} failed: ${failed.message}; the connection is dropped`),
        )
      throw error
    }
  }

  /** Writers wait for each other: the connection is one. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => undefined)
    return mine.catch((error: unknown) => Promise.reject(translate(error)))
  }

  return {
    schemas,
    connect: () =>
      inTurn(async () => {
        if (!beside) await connectWriter()
        if (readers !== null) return
        readers = new pg.Pool({
          ...options,
          max: READERS_MAX,
          statement_timeout: limits.projection_query_ms_max,
          query_timeout: limits.projection_query_ms_max,
        })
        readers.on('error', (error) => log(`projection: a connection to ${name} ended: ${error.message}`))
      }),
    transaction: (work) => inTurn(async () => inTransaction(await connectWriter(), '', work)),
    snapshot: async (work) => {
      try {
        if (readers === null) throw new ProjectionFailure(`projection: ${name} is not open; open it first`)
        const pool = readers
        const client = await pool.connect()
        try {
          // What was read is the answer, whatever comes of the commit: only the connection waits for it.
          return await inTransaction(
            client,
            'isolation level repeatable read read only',
            (query) => work(query, besideOf(pool, query)),
            async () => {
              client.query('commit').then(
                () => client.release(),
                (error: Error) => client.release(error),
              )
            },
          )
        } catch (error) {
          client.release(error instanceof Error ? error : new Error(String(error)))
          throw error
        }
      } catch (error) {
        throw translate(error)
      }
    },
    wipe: () =>
      inTurn(async () => {
        const client = await connectWriter()
        await client.query(`drop schema if exists ${schema}, ${schemas.next} cascade`)
        await client.query(`create schema ${schema}`)
      }),
    // The server's disk is the server's: a statement that finds no room is refused there.
    room: async () => undefined,
    wrote: async (rows) => {
      uncounted += rows
    },
    // The server vacuums in its own time. Its statistics cannot wait a minute for that: a table that is new to the planner is searched
    // by another way than its indexes (35 ms for the vectors of 10,000, 3 so).
    rest: () =>
      inTurn(async () => {
        if (uncounted < limits.projection_vacuum_rest_rows) return
        const client = await connectWriter()
        for (const table of await inTransaction(client, '', (query) => present(query, SEARCHED)))
          await client.query(`analyze ${table}`)
        uncounted = 0
      }),
    scrub: () =>
      inTurn(async () => {
        const client = await connectWriter()
        for (const table of await inTransaction(client, '', tablesWithText)) await client.query(`vacuum full ${table}`)
      }),
    close: () =>
      inTurn(async () => {
        const [pool, client] = [readers, writer]
        readers = null
        writer = null
        await pool?.end()
        await client?.end()
      }),
  }
}

/** A connection, or a pool of them. */
type Asked = { query(config: pg.QueryConfig, callback: (error: Error | null, result: pg.QueryResult) => void): void }

/** SQLSTATE: the database does not exist. */
const NO_DATABASE = '3D000'
const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : null

/** The database that a URL names; null when it names none, or cannot be taken apart. */
const databaseOf = (url: string): string | null =>
  URL.canParse(url) ? decodeURIComponent(new URL(url).pathname.slice(1)) || null : null

/** Host and database without the password, for messages. */
const nameOf = (url: string): string => {
  try {
    const { host, pathname } = new URL(url)
    return `Postgres at ${host}${pathname}`
  } catch {
    // Addresses of Unix sockets with a user need not be URLs.
    return 'Postgres'
  }
}
