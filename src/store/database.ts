/**
 * LevelDB under the store: opening it without ever losing silently, and the few calls that the store makes.
 *
 * A database whose CURRENT file is gone is never created anew (LevelDB would delete the tables it finds); it is repaired,
 * as one that does not open for damage, and one whose compaction met damage (LevelDB then takes no more writes). A repair keeps what it cannot read in `db/lost/`. It stacks all tables by file
 * number, under which an older value of a key may hide a newer, so everything is compacted once, which goes by sequence.
 */
import { ClassicLevel } from 'classic-level'
import { limits } from '../../crdt/limits.ts'
import { StoreFailure } from '../ports.ts'
import { causeOf, isDamage, toFailure } from './failure.ts'
import { holderOf, isHeadless, isRepairAsked, repairDone } from './folder.ts'
import type { Folder } from './folder.ts'
import { rangeOf } from './records.ts'
import type { Entry } from './records.ts'

export type Database = ClassicLevel<Buffer, Buffer>

/** @returns `repaired`: why the database had to be repaired, or null. */
export const openDatabase = async (folder: Folder): Promise<{ readonly db: Database; readonly repaired: string | null }> => {
  let cause = isHeadless(folder) ? 'its CURRENT file is missing' : isRepairAsked(folder) ? 'it met damage when it was last open' : null
  if (cause === null) {
    try {
      return { db: await open(folder.db), repaired: null }
    } catch (error) {
      if (isLocked(error)) throw locked(folder)
      if (!isDamage(error)) throw toFailure(error, `open the log in ${folder.dir}`)
      cause = causeOf(error)
    }
  }
  try {
    await ClassicLevel.repair(folder.db)
    const db = await open(folder.db)
    await db.compactRange(Buffer.alloc(0), Buffer.from([0xff]))
    repairDone(folder)
    return { db, repaired: cause }
  } catch (error) {
    if (isLocked(error)) throw locked(folder)
    const failure = toFailure(error, `repair the log in ${folder.dir}, which did not open: ${cause}`)
    throw failure.code === 'disk_full' ? failure : new StoreFailure('unreadable', failure.message)
  }
}

const open = async (path: string): Promise<Database> => {
  const db: Database = new ClassicLevel<Buffer, Buffer>(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
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
export const get = (db: Database, key: Buffer): { readonly value: Buffer | undefined; readonly unreadable: string | null } => {
  try {
    return { value: db.getSync(key), unreadable: null }
  } catch (error) {
    return { value: undefined, unreadable: causeOf(error) }
  }
}

/** The greatest key of a range, or null. */
export const lastKey = async (db: Database, range: { readonly gte: Buffer; readonly lt?: Buffer; readonly lte?: Buffer }): Promise<Buffer | null> => {
  for await (const key of db.keys({ ...range, reverse: true, limit: 1 })) return key
  return null
}

/** Entries of one kind from `gte` on, a few hundred at a time, values read without filling the cache. */
export async function* entriesOf(db: Database, letter: string, gte?: Buffer): AsyncGenerator<Entry> {
  const range = rangeOf(letter)
  for await (const [key, value] of db.iterator({ gte: gte ?? range.gte, lt: range.lt, fillCache: false })) yield { key, value }
}
