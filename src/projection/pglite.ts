/**
 * The embedded database: Postgres compiled to WebAssembly, in one folder that may be deleted at any time.
 *
 * It runs without fsync: a killed process loses nothing (the kernel has the writes), a machine that goes down may leave a
 * folder that opens and lies. So the folder is marked while it is open with the machine's boot id; a mark of another boot
 * means that, and the folder is made anew. One that does not open, or turns out damaged, asks for a rebuild, and `wipe` deletes
 * it. Nothing is set aside: a copy would keep texts that are erased later, and the log has everything.
 *
 * After a failure that is no plain refusal of a statement (a full disk in mid-write, an abort of its WebAssembly, an answer that is
 * none) an instance answers every statement wrongly until it is replaced, and another one in the same thread may hang. So it is not
 * asked again, and whoever hears of a `BrokenInstance` or a rebuild ends the thread first (`projection.ts` does).
 *
 * It has no process for checkpoints beside it, so its write-ahead log would grow for ever. The log's files are counted after each
 * statement that may write, and a checkpoint is made when they are many, also within a transaction.
 *
 * Invariants: one transaction at a time, and nothing beside it (PGlite's own lock); at most one process per folder (the node's lock);
 * no file of it can be read by others.
 */
import { PGlite, type Extensions } from '@electric-sql/pglite'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { vector } from '@electric-sql/pglite-pgvector'
import { readdirSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../../crdt/limits.ts'
import { ProjectionFailure } from '../ports/projection.ts'
import { hardshipOf, noRoom } from './hardship.ts'
import { createPrepared, type Prepared } from './prepared.ts'
import { makePrivate, PrivateFolder } from './private-files.ts'
import {
  breaks,
  BrokenInstance,
  SEARCHED,
  tablesWithText,
  translated,
  Unanswered,
  whileOpen,
  type Query,
  type Sql,
} from './sql.ts'
import { copyTemplate } from './template.ts'
import { INDEX_SETTINGS } from './vectors.ts'

const NAME = 'the embedded database'

/** A page costs the same wherever it lies: all are in memory, ours or the kernel's. Memory for the words and vectors of some 10,000 memories, taken as they are read (with half of it a question reads files for an eighth of its time); and a write-ahead log whose old files are deleted, not kept for another use with the old texts in them. */
const SETTINGS = [
  'random_page_cost=1',
  'shared_buffers=64MB',
  'wal_level=minimal',
  'max_wal_senders=0',
  'full_page_writes=off',
  'wal_recycle=off',
  'min_wal_size=32MB',
  'max_wal_size=64MB',
]

/** Files of the write-ahead log of 1 MiB, not 16, and none beforehand: an empty database is half as large. */
const WAL_FILE_BYTES = 2 ** 20
/** Not `public`, where the extensions are: the rows' schema changes place with the next generation's. */
const SCHEMAS = { serving: 'mnemesh', next: 'mnemesh_next' }

const WAL_FILE = /^[0-9A-F]{24}$/
const INIT = ['--wal-segsize=1', '--set=wal_recycle=off', '--set=min_wal_size=2MB']

/** @param dir `DIR/projection`. @param log told, in one line, when the folder had to be made anew. @param extensions beside those that search needs. */
export const openPglite = (dir: string, log: (line: string) => void, extensions: Extensions = {}): Sql => {
  const folder = join(dir, 'pglite')
  const mark = join(dir, 'open')
  let db: Prepared | null = null
  let opening: Promise<void> | null = null
  let unvacuumed = 0
  /** Why this instance is asked no more. */
  let broken: BrokenInstance | null = null

  /** Two that open at once share one opening: two instances on one folder would destroy it. */
  const connect = (): Promise<void> => {
    opening ??= makeReady().finally(() => {
      opening = null
    })
    return opening
  }

  const makeReady = async (): Promise<void> => {
    if (broken !== null) throw broken
    if (db !== null) return
    const amiss = hardshipOf(dir)
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const boot = await bootId()
      const marked = await textOf(mark)
      if (marked !== null && (marked !== boot || boot === '')) {
        log(`projection: ${folder} is made anew from the log: the machine went down while it was open`)
        await rm(folder, { recursive: true, force: true })
      }
      await writeFile(mark, boot, { mode: 0o600 })
      await copyTemplate(folder).catch((error: unknown) =>
        log(
          `projection: the new database is made from nothing: ${error instanceof Error ? error.message : String(error)}`,
        ),
      )
      makePrivate(dir)
    } catch (error) {
      throw amiss === null ? error : new ProjectionFailure(`projection: ${amiss}`)
    }
    db = createPrepared(await start(dir, folder, extensions))
  }

  const run = async <T>(work: (open: NonNullable<typeof db>) => Promise<T>): Promise<T> => {
    if (broken !== null) throw broken
    if (db === null) throw new ProjectionFailure(`projection: ${NAME} is not open; open it first`)
    try {
      return await work(db)
    } catch (error) {
      const failure = translated(error, NAME)
      if (!breaks(error)) throw failure
      const amiss = hardshipOf(dir)
      broken = new BrokenInstance(
        amiss === null ? failure.message : `${failure.message}; ${amiss}`,
        amiss !== null,
        failure.rebuild && amiss === null,
      )
      throw broken
    }
  }

  const disconnect = async (): Promise<void> => {
    const open = db
    db = null
    // One that is broken may hang in it.
    if (broken === null) await open?.close()
  }

  const transaction = <T>(work: (query: Query) => Promise<T>): Promise<T> => within((open) => work(trimming(open)))
  const within = <T>(work: (open: Prepared) => Promise<T>): Promise<T> =>
    run((open) =>
      open.alone(async () => {
        await open.say('begin')
        try {
          const result = await work(open)
          await open.say('commit')
          return result
        } catch (error) {
          await rollBack(open, error)
          throw error
        }
      }),
    )

  /** A rollback that fails is worse than what it is for. */
  const rollBack = async (open: Prepared, after: unknown): Promise<void> => {
    try {
      await open.say('rollback')
    } catch (error) {
      log(`projection: rollback in ${folder} failed: ${String(error)}`)
      if (!breaks(after)) throw error
    }
  }

  /** Statements after each of which the write-ahead log is looked at. */
  const trimming =
    ({ query, say }: Prepared): Query =>
    async (text, params) => {
      const rows = await query(text, params)
      await trim(say)
      return rows as never
    }
  const trim = async (say: Prepared['say']): Promise<void> => {
    if (walFiles(folder) * WAL_FILE_BYTES >= limits.projection_wal_bytes) await say('checkpoint')
  }

  /** What no transaction may hold. */
  const command = (text: string): Promise<void> =>
    run(({ alone, say }) =>
      alone(async () => {
        await say(text)
        await trim(say)
      }),
    )

  /** Searches read postings from their index alone where pages are known to hold nothing dead: half the time of a filtered one. */
  const vacuum = async (): Promise<void> => {
    if (noRoom(dir, 0) !== null) return
    unvacuumed = 0
    for (const table of SEARCHED) await command(`vacuum (analyze) ${table}`)
  }

  return {
    schemas: SCHEMAS,
    connect: () => connect().catch((error: unknown) => Promise.reject(translated(error, NAME))),
    transaction: (work) => transaction((query) => whileOpen(query, work)),
    snapshot: (work) => within(({ query }) => whileOpen(query, (open) => work(open, open))),
    room: async () => {
      const amiss = noRoom(dir, 0)
      if (amiss !== null) throw new ProjectionFailure(`projection: ${amiss}`)
    },
    wipe: async () => {
      await disconnect().catch((error: unknown) =>
        log(`projection: closing ${folder} failed: ${String(error)}; it is deleted all the same`),
      )
      await rm(folder, { recursive: true, force: true })
      unvacuumed = 0
    },
    wrote: async (rows) => {
      unvacuumed += rows
      if (unvacuumed >= limits.projection_vacuum_rows) await vacuum()
    },
    rest: async () => {
      if (db !== null && (unvacuumed >= limits.projection_vacuum_rest_rows || (await transaction(hasGrown))))
        await vacuum()
    },
    scrub: async () => {
      for (const table of await transaction(tablesWithText)) {
        // It is written anew before the old one goes.
        const [size] = await transaction((query) =>
          query<{ bytes: number }>('select pg_total_relation_size($1::text::regclass)::float8 as bytes', [table]),
        )
        const amiss = noRoom(dir, size?.bytes ?? 0)
        if (amiss !== null) throw new ProjectionFailure(`projection: ${table} is not rewritten: ${amiss}`)
        await command(`vacuum full ${table}`)
      }
      // Both the old table files and the log files with the old rows go only at a checkpoint, the current log file only after a switch.
      await command('checkpoint')
      await command('select pg_switch_wal()')
      await command('checkpoint')
    },
    close: async () => {
      if (db === null || broken !== null) return
      await disconnect().catch((error: unknown) => Promise.reject(translated(error, NAME)))
      await rm(mark, { force: true })
    },
  }
}

const walFiles = (folder: string): number => {
  try {
    return readdirSync(join(folder, 'pg_wal')).filter((name) => WAL_FILE.test(name)).length
  } catch (error) {
    // Its folder was taken away from under it, or no file can be opened.
    throw new Unanswered(error)
  }
}

/** Whether a table is a fifth larger than when it was vacuumed last: by a process before us, that did not come to it. */
const hasGrown = async (query: Query): Promise<boolean> => {
  const [row] = await query<{ grown: boolean }>(
    "select exists (select 1 from pg_class where relname = any($1::text[]) and relkind = 'r' and pg_relation_size(oid) / current_setting('block_size')::integer > relpages * 1.2 + 50) as grown",
    [SEARCHED],
  )
  return row?.grown === true
}

const start = async (dir: string, folder: string, extensions: Extensions): Promise<PGlite> => {
  try {
    const db = await PGlite.create({
      fs: new PrivateFolder(folder),
      postgresqlconf: SETTINGS,
      initDbStartParams: INIT,
      extensions: { pg_trgm, vector, ...extensions },
    })
    await db.exec(
      [...INDEX_SETTINGS, `search_path=${SCHEMAS.serving}`]
        .map((setting) => `set ${setting}`)
        .concat(`create schema if not exists ${SCHEMAS.serving}`)
        .join(';'),
    )
    return db
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    const amiss = hardshipOf(dir)
    // A full disk is no damage. Whatever it was: this thread is done for.
    if (amiss !== null) throw new BrokenInstance(`projection: ${folder} does not open (${why}): ${amiss}`, true, false)
    const known = translated(error, NAME)
    // A missing right has a name, and is no damage either.
    if (!known.rebuild && error instanceof Error && 'code' in error && typeof error.code === 'string')
      throw new BrokenInstance(known.message, false, false)
    throw new BrokenInstance(`projection: ${folder} does not open (${why}); it is made anew from the log`, false, true)
  }
}

/** Names the machine's present run; '' where that is not to be had, which counts as another each time. */
const bootId = async (): Promise<string> => (await textOf('/proc/sys/kernel/random/boot_id')) ?? ''

const textOf = async (path: string): Promise<string | null> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
