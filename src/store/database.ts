/**
 * LevelDB under the store: opening it without ever losing silently, and the few calls that the store makes.
 *
 * - A lock first, before anything is touched: LevelDB's own, on an empty database beside the real one. (Node has no file
 *   locks; the real database must not be opened before its tables were checked.)
 * - Every table is checked (table.ts). A damaged one is copied to `lost/` and mended in place; an unusable one is moved there.
 * - Every write-ahead log is searched for batches that stand twice (write-ahead.ts), which would end the process too.
 * - A database whose CURRENT file or a table is gone, or that does not open for damage, is repaired. It is never created
 *   anew over what is there: LevelDB would delete the tables. A repair keeps what it cannot read in `db/lost/`. It stacks all tables by file number, under which an older value of a
 *   key may hide a newer, so everything is compacted once, which goes by sequence.
 */
import { copyFile, mkdir, open as openFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { limits } from '../../crdt/limits.ts'
import { StoreFailure } from '../ports/store.ts'
import { causeOf, isDamage, toFailure } from './failure.ts'
import { holderOf, isHeadless } from './folder.ts'
import type { Folder } from './folder.ts'
import { rangeOf } from './records.ts'
import type { Entry } from './records.ts'
import { checkTable } from './table.ts'
import { withoutRepeats } from './write-ahead.ts'

export type OpenDatabase = ClassicLevel<Buffer, Buffer>
type Range = {
  readonly gte?: Buffer
  readonly lt?: Buffer
  readonly lte?: Buffer
  readonly reverse?: boolean
  readonly limit?: number
  readonly fillCache?: boolean
}
/** What the store's parts ask of the database; which one it is may change under them (live-database.ts). */
export type Database = {
  getSync(key: Buffer): Buffer | undefined
  keys(range: Range): AsyncIterable<Buffer> & { all(): Promise<Buffer[]> }
  iterator(range: Range): AsyncIterable<[Buffer, Buffer]>
  batch(): ReturnType<OpenDatabase['batch']>
  compactRange(from: Buffer, to: Buffer): Promise<void>
}

/**
 * Takes the folder's lock, held until `close`. @throws StoreFailure `locked`. The lock's database holds nothing, so a
 * damaged one is made anew (LevelDB reads it only after it got the lock, so it is then ours).
 */
export const lockFolder = async (folder: Folder): Promise<{ close(): Promise<void> }> => {
  const take = async (): Promise<OpenDatabase> => {
    const db: OpenDatabase = new ClassicLevel<Buffer, Buffer>(folder.guard)
    await db.open()
    return db
  }
  try {
    return await take()
  } catch (error) {
    if (isLocked(error)) throw locked(folder)
    if (!isDamage(error)) throw error
    await rm(folder.guard, { recursive: true, force: true })
    return await take()
  }
}

/** A damaged table or log, told in a sentence. `setAside` is where a table that is of no use was moved, null when it was mended in place. */
export type DamagedFile = { readonly note: string; readonly setAside: string | null }

/** Checks all tables, before the database is opened. */
export const mendTables = async (folder: Folder): Promise<readonly DamagedFile[]> => {
  if (!existsSync(folder.db)) return []
  const damaged: DamagedFile[] = []
  for (const name of (await readdir(folder.db)).filter((file) => TABLE_FILE.test(file))) {
    const path = join(folder.db, name)
    const state = checkTable(await readFile(path))
    if (state.is === 'sound') continue
    await mkdir(folder.lost, { recursive: true, mode: 0o700 })
    const kept = join(folder.lost, name)
    if (state.is === 'unusable') {
      await rename(path, kept)
      damaged.push({ note: `a table of the log is unusable (${state.reason}) and is kept as ${kept}`, setAside: kept })
    } else {
      await copyFile(path, kept)
      const file = await openFile(path, 'r+')
      await file.writeFile(state.bytes)
      await file.sync()
      await file.close()
      damaged.push({
        note: `${state.blocks} damaged blocks in a table of the log are out of use; the table as it was is kept as ${kept}`,
        setAside: null,
      })
    }
  }
  return damaged
}

/** Takes repeated batches out of the logs; the logs as they were lie in `before/` by then. */
export const mendLogs = async (folder: Folder): Promise<readonly DamagedFile[]> => {
  if (!existsSync(folder.db)) return []
  const damaged: DamagedFile[] = []
  for (const name of (await readdir(folder.db)).filter((file) => LOG_FILE.test(file))) {
    const path = join(folder.db, name)
    const mended = withoutRepeats(await readFile(path))
    if (mended === null) continue
    // A new file in its place: the old one is linked to what lies in `before/`.
    const fresh = join(folder.root, `mended-${name}`)
    await writeFile(fresh, mended.bytes, { mode: 0o600, flush: true })
    await rename(fresh, path)
    damaged.push({
      note: `${mended.repeats} batches stood twice in the write-ahead log; the repeats are out of use`,
      setAside: null,
    })
  }
  return damaged
}

/**
 * The damaged files that the database has need of. LevelDB does not open without a table that its manifest names, so where it
 * opened without repair, a table set aside was one that a crash cut short in the writing: what it was made of is still there.
 */
export const namedFiles = (files: readonly DamagedFile[], repaired: string | null): readonly DamagedFile[] =>
  repaired === null ? files.filter(({ setAside }) => setAside === null) : files

/** Removes the tables that nothing names, as LevelDB would have: they may hold texts that were erased since. */
export const removeUnnamed = async (files: readonly DamagedFile[], named: readonly DamagedFile[]): Promise<void> => {
  for (const file of files)
    if (file.setAside !== null && !named.includes(file)) await rm(file.setAside, { force: true })
}

const LOG_FILE = /^\d+\.log$/
const TABLE_FILE = /^\d+\.(ldb|sst)$/

/**
 * @param damage what was met when it was opened before, or null: then it is repaired at once.
 * @returns `repaired`: why the database had to be repaired, or null.
 */
export const openDatabase = async (
  folder: Folder,
  damage: string | null = null,
): Promise<{ readonly db: OpenDatabase; readonly repaired: string | null }> => {
  let cause = isHeadless(folder) ? 'its CURRENT file is missing' : damage
  if (cause === null) {
    try {
      return { db: await openPlain(folder.db), repaired: null }
    } catch (error) {
      if (isLocked(error)) throw locked(folder)
      if (!isDamage(error)) throw toFailure(error, `open the log in ${folder.dir}`)
      cause = causeOf(error)
    }
  }
  try {
    await ClassicLevel.repair(folder.db)
    const db = await openPlain(folder.db)
    await db.compactRange(Buffer.alloc(0), Buffer.from([0xff]))
    return { db, repaired: cause }
  } catch (error) {
    if (isLocked(error)) throw locked(folder)
    const failure = toFailure(error, `repair the log in ${folder.dir}, which did not open: ${cause}`)
    throw failure.code === 'disk_full' ? failure : new StoreFailure('unreadable', failure.message)
  }
}

/** Opens what is there, without repair. Throws what LevelDB throws. */
export const openPlain = async (path: string): Promise<OpenDatabase> => {
  const db: OpenDatabase = new ClassicLevel<Buffer, Buffer>(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    // table.ts reads plain blocks only; reads and compactions are the quicker for it, the disk holds about a third more.
    compression: false,
    writeBufferSize: limits.store_write_buffer_bytes,
    cacheSize: limits.store_cache_bytes,
  })
  await db.open()
  return db
}

const isLocked = (error: unknown): boolean => {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
}

const locked = (folder: Folder): StoreFailure =>
  new StoreFailure('locked', `${folder.dir} is in use by ${holderOf(folder)}: stop it, or use another --data folder`)

/** The value, undefined when absent, or why it could not be read (a damaged block, a missing table). */
export const get = (
  db: Database,
  key: Buffer,
): { readonly value: Buffer | undefined; readonly unreadable: string | null } => {
  try {
    return { value: db.getSync(key), unreadable: null }
  } catch (error) {
    return { value: undefined, unreadable: causeOf(error) }
  }
}

/** The greatest key of a range, or null. */
export const lastKey = async (
  db: Database,
  range: { readonly gte: Buffer; readonly lt?: Buffer; readonly lte?: Buffer },
): Promise<Buffer | null> => {
  for await (const key of db.keys({ ...range, reverse: true, limit: 1 })) return key
  return null
}

/** Entries of one kind from `gte` on, a few hundred at a time, values read without filling the cache. */
export async function* entriesOf(db: Database, letter: string, gte?: Buffer): AsyncGenerator<Entry> {
  const range = rangeOf(letter)
  for await (const [key, value] of db.iterator({ gte: gte ?? range.gte, lt: range.lt, fillCache: false }))
    yield { key, value }
}
