/**
 * Opening the database anew under a store that goes on being read: after a write that failed, LevelDB takes no more, or takes
 * them and loses them.
 *
 *   1. `reading/` is made of links to the database's files and opened; from then on it is read. (Tables never change, and LevelDB
 *      only reads and unlinks a write-ahead log that it finds.)
 *   2. The database is closed and opened again.
 *   3. It is read and written from then on; `reading/` goes.
 *
 * Whether the batch that failed is there, LevelDB does not tell. Its writer was told that it failed, so both copies are brought to
 * what was before it: if its number is there, its inverse is written, in one synced batch. A crash before that leaves all of it or
 * nothing, as the port says. Whatever else is not as the store believes ends the attempt: only a start repairs.
 */
import { copyFile, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { StoreFailure } from '../ports/store.ts'
import { lastKey, mendLogs, openPlain } from './database.ts'
import type { Database, OpenDatabase } from './database.ts'
import { setLogsAside, settleLogs } from './folder.ts'
import type { Folder } from './folder.ts'
import type { LiveDatabase } from './live-database.ts'
import { liveFilesOf } from './manifest.ts'
import type { Plan } from './plan.ts'
import { letters, META_KEY, rangeOf, readMeta, readTrail, sameExtent, trailKey } from './records.ts'
import type { Extent } from './records.ts'

/** What the store believes to be on the disk. */
export type Believed = { readonly extent: Extent; readonly epoch: string }
/** What a batch puts and deletes. */
export type Touched = Pick<Plan, 'puts' | 'dels'>

/** Keys read in one turn of the event loop: some 2 ms. */
const KEYS_A_TURN = 256
/** Turns in which links are made, when a compaction takes files away meanwhile. */
const LINK_ATTEMPTS_MAX = 3

/**
 * @param touched the batch that failed, null when none did.
 * @throws StoreFailure `unreadable` when the log is not as believed; what the disk or LevelDB throws. What is read is then still
 * open, and as believed: to be tried again.
 */
export const reopen = async (
  folder: Folder,
  live: LiveDatabase,
  believed: Believed,
  touched: Touched | null,
): Promise<void> => {
  const before = touched === null ? [] : await valuesBefore(live.db, touched)
  if (live.current().location === folder.db) {
    const reading = await opened(
      () => openLinked(folder),
      (db) => settle(db, believed, before),
    )
    await live.use(reading).close()
  }
  setLogsAside(folder)
  await mendLogs(folder)
  const main = await opened(
    () => openPlain(folder.db),
    (db) => settle(db, believed, before),
  )
  await live.use(main).close()
  await rm(folder.reading, { recursive: true, force: true })
  settleLogs(folder, null)
}

/** Opens, and closes again when `check` rejects. */
const opened = async (
  open: () => Promise<OpenDatabase>,
  check: (db: OpenDatabase) => Promise<void>,
): Promise<OpenDatabase> => {
  const db = await open()
  try {
    await check(db)
    return db
  } catch (error) {
    await db.close()
    throw error
  }
}

type Before = { readonly key: Buffer; readonly value: Buffer | undefined }

/** Of each key of the batch; the database in use does not show a batch that failed. */
const valuesBefore = async (db: Database, { puts, dels }: Touched): Promise<readonly Before[]> => {
  const keys = [
    ...new Map([...puts.map(({ key }) => key), ...dels].map((key) => [key.toString('latin1'), key])).values(),
  ]
  const before: Before[] = []
  for (const key of keys) {
    before.push({ key, value: db.getSync(key) })
    if (before.length % KEYS_A_TURN === 0) await setImmediate()
  }
  return before
}

/** Takes the failed batch out if it is there; then everything is as believed, or this throws. */
const settle = async (db: OpenDatabase, { extent, epoch }: Believed, before: readonly Before[]): Promise<void> => {
  if ((await topOf(db)) === extent.batches + 1 && before.length > 0) {
    const inverse = db.batch()
    for (const { key, value } of before) {
      if (value === undefined) inverse.del(key)
      else inverse.put(key, value)
    }
    await inverse.write({ sync: true })
  }
  const own = db.getSync(META_KEY)
  const key = trailKey(extent.batches)
  const last = db.getSync(key)
  const trail = last === undefined ? null : readTrail(key, last)
  if (
    own === undefined ||
    readMeta(own)?.epoch !== epoch ||
    (await topOf(db)) !== extent.batches ||
    trail === null ||
    !sameExtent(trail, extent)
  ) {
    throw new StoreFailure(
      'unreadable',
      `opened anew, the log does not end where it did (batch ${extent.batches}): start again to repair it`,
    )
  }
}

const topOf = async (db: Database): Promise<number> => {
  const key = await lastKey(db, rangeOf(letters.trail))
  return key === null ? 0 : key.readUIntBE(1, 6)
}

/** The database in `reading/`: its files are links, of exactly what the manifest names (LevelDB would write over anything else). */
const openLinked = async (folder: Folder): Promise<OpenDatabase> => {
  for (let attempt = 1; ; attempt++) {
    await rm(folder.reading, { recursive: true, force: true })
    await mkdir(folder.reading, { mode: 0o700 })
    try {
      await linkFiles(folder)
      return await openPlain(folder.reading)
    } catch (error) {
      if (attempt >= LINK_ATTEMPTS_MAX) throw error
    }
  }
}

const linkFiles = async (folder: Folder): Promise<void> => {
  const current = (await readFile(join(folder.db, 'CURRENT'), 'latin1')).trim()
  const kept = join(folder.reading, current)
  await copyFile(join(folder.db, current), kept)
  const { tables, firstLog } = liveFilesOf(await readFile(kept))
  for (const name of await readdir(folder.db)) {
    const [, digits, kind] = FILE.exec(name) ?? []
    if (digits === undefined) continue
    if (kind === 'log' ? Number(digits) >= firstLog : tables.has(Number(digits)))
      await link(join(folder.db, name), join(folder.reading, name))
  }
  await writeFile(join(folder.reading, 'CURRENT'), `${current}\n`, { mode: 0o600 })
}

const FILE = /^(\d+)\.(log|ldb|sst)$/
