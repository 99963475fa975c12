/**
 * The embedded database: Postgres compiled to WebAssembly, in one folder that may be deleted at any time.
 *
 * It runs without fsync: a killed process loses nothing (the kernel has the writes), a machine that goes down may leave a
 * folder that opens and lies. So the folder is marked while it is open with the machine's boot id; a mark of another boot
 * means that, and the folder is made anew. One that does not open, or turns out damaged, asks for a rebuild, and `wipe` deletes
 * it. Nothing is set aside: a copy would keep texts that are erased later, and the log has everything.
 *
 * Assumption: after PGlite has aborted (a damaged folder makes it), another instance in the same thread may hang. So whoever
 * hears of a rebuild ends the thread first (`projection.ts` does); without that a peer would stay without its projection until
 * the time limit of the hanging call.
 *
 * Invariants: one transaction at a time, and nothing beside it (PGlite's own lock); at most one process per folder (the node's lock).
 */
import { PGlite, type Extensions } from '@electric-sql/pglite'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { vector } from '@electric-sql/pglite-pgvector'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../../crdt/limits.ts'
import { ProjectionFailure } from '../ports.ts'
import { createPrepared, type Prepared } from './prepared.ts'
import { SEARCHED, tablesWithText, translated, whileOpen, type Query, type Sql } from './sql.ts'
import { copyTemplate } from './template.ts'
import { INDEX_SETTINGS } from './vectors.ts'

const NAME = 'the embedded database'

/** A page costs the same wherever it lies: all are in memory, ours or the kernel's. Memory for the words and vectors of some 10,000 memories, taken as they are read (with half of it a question reads files for an eighth of its time); and a write-ahead log whose old files are deleted, not kept for another use with the old texts in them. */
const SETTINGS = ['random_page_cost=1', 'shared_buffers=64MB', 'wal_level=minimal', 'max_wal_senders=0', 'full_page_writes=off', 'wal_recycle=off', 'min_wal_size=32MB', 'max_wal_size=64MB']

/** Files of the write-ahead log of 1 MB, not 16, and none beforehand: an empty database is half as large. */
const INIT = ['--wal-segsize=1', '--set=wal_recycle=off', '--set=min_wal_size=2MB']

/** @param dir `DIR/projection`. @param log told, in one line, when the folder had to be made anew. @param extensions beside those that search needs. */
export const openPglite = (dir: string, log: (line: string) => void, extensions: Extensions = {}): Sql => {
  const folder = join(dir, 'pglite')
  const mark = join(dir, 'open')
  let db: Prepared | null = null
  let opening: Promise<void> | null = null
  let unvacuumed = 0

  /** Two that open at once share one opening: two instances on one folder would destroy it. */
  const connect = (): Promise<void> => {
    opening ??= makeReady().finally(() => {
      opening = null
    })
    return opening
  }

  const makeReady = async (): Promise<void> => {
    if (db !== null) return
    await mkdir(dir, { recursive: true })
    const boot = await bootId()
    const marked = await textOf(mark)
    if (marked !== null && (marked !== boot || boot === '')) {
      log(`projection: ${folder} is made anew from the log: the machine went down while it was open`)
      await rm(folder, { recursive: true, force: true })
    }
    await writeFile(mark, boot)
    await copyTemplate(folder).catch((error: unknown) => log(`projection: the new database is made from nothing: ${error instanceof Error ? error.message : String(error)}`))
    db = createPrepared(await start(folder, extensions))
  }

  const run = async <T>(work: (open: NonNullable<typeof db>) => Promise<T>): Promise<T> => {
    if (db === null) throw new ProjectionFailure(`projection: ${NAME} is not open; open it first`)
    try {
      return await work(db)
    } catch (error) {
      throw translated(error, NAME)
    }
  }

  const disconnect = async (): Promise<void> => {
    const open = db
    db = null
    await open?.close()
  }

  const transaction = <T>(work: (query: Query) => Promise<T>): Promise<T> =>
    run(({ alone, say, query }) =>
      alone(async () => {
        await say('begin')
        try {
          const result = await whileOpen(query, work)
          await say('commit')
          return result
        } catch (error) {
          await say('rollback').catch((failed: unknown) => log(`projection: rollback in ${folder} failed: ${String(failed)}`))
          throw error
        }
      }))

  /** What no transaction may hold. */
  const command = (text: string): Promise<void> => run(({ alone, say }) => alone(() => say(text)))

  /** Searches read postings from their index alone where pages are known to hold nothing dead: half the time of a filtered one. */
  const vacuum = async (): Promise<void> => {
    unvacuumed = 0
    for (const table of SEARCHED) await command(`vacuum (analyze) ${table}`)
  }

  return {
    connect: () => connect().catch((error: unknown) => Promise.reject(translated(error, NAME))),
    transaction,
    snapshot: (work) => transaction((query) => work(query, query)),
    wipe: async () => {
      await disconnect().catch((error: unknown) => log(`projection: closing ${folder} failed: ${String(error)}; it is deleted all the same`))
      await rm(folder, { recursive: true, force: true })
      unvacuumed = 0
    },
    wrote: async (rows) => {
      unvacuumed += rows
      if (unvacuumed >= limits.projection_vacuum_rows) await vacuum()
    },
    rest: async () => {
      if (db !== null && (unvacuumed >= limits.projection_vacuum_rest_rows || await transaction(hasGrown))) await vacuum()
    },
    scrub: async () => {
      for (const table of await transaction(tablesWithText)) await command(`vacuum full ${table}`)
      // Both the old table files and the log files with the old rows go only at a checkpoint, the current log file only after a switch.
      await command('checkpoint')
      await command('select pg_switch_wal()')
      await command('checkpoint')
    },
    close: async () => {
      if (db === null) return
      await disconnect().catch((error: unknown) => Promise.reject(translated(error, NAME)))
      await rm(mark, { force: true })
    },
  }
}

/** Whether a table is a fifth larger than when it was vacuumed last: by a process before us, that did not come to it. */
const hasGrown = async (query: Query): Promise<boolean> => {
  const [row] = await query<{ grown: boolean }>(
    "select exists (select 1 from pg_class where relname = any($1::text[]) and relkind = 'r' and pg_relation_size(oid) / current_setting('block_size')::integer > relpages * 1.2 + 50) as grown", [SEARCHED])
  return row?.grown === true
}

const start = async (folder: string, extensions: Extensions): Promise<PGlite> => {
  try {
    const db = await PGlite.create({ dataDir: folder, postgresqlconf: SETTINGS, initDbStartParams: INIT, extensions: { pg_trgm, vector, ...extensions } })
    await db.exec(INDEX_SETTINGS.map((setting) => `set ${setting}`).join(';'))
    return db
  } catch (error) {
    const known = translated(error, NAME)
    // A full disk or a missing right is no damage: its cause has a name.
    if (!known.rebuild && error instanceof Error && 'code' in error && typeof error.code === 'string') throw known
    throw new ProjectionFailure(`projection: ${folder} does not open (${error instanceof Error ? error.message.split('\n')[0] : String(error)}); it is made anew from the log`, true)
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
