/**
 * A copy of a store as it is at one moment, made from outside: the peer that has it open goes on writing.
 *
 *   1. the mark, which is never ahead of the database
 *   2. CURRENT and the manifest it names, then the tables and write-ahead logs that the manifest names
 *   3. the manifest again: where it names another first log by now, a log may have gone in between, and all begins anew
 *
 * Tables never change, so they are linked; a log only grows, and the copy ends where it was read. So it is what a kill at that moment
 * would have left, and it is opened and held against the mark before anybody relies on it. It lacks the lock file, by which a folder
 * is known: whoever starts from it begins a new incarnation (folder.ts).
 */
import { copyFile, link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StoreFailure } from '../ports/store.ts'
import { lastKey, openPlain, type Database } from './database.ts'
import { liveFilesOf } from './manifest.ts'
import { openMark } from './mark.ts'
import { ARRIVAL_KEY_BYTES, letters, rangeOf, readTrail } from './records.ts'
import { checkTable } from './table.ts'

/** Each attempt meets a memtable's flush or a compaction at most: one a few MiB written. */
const ATTEMPTS_MAX = 16
const FILE = /^(\d+)\.(log|ldb|sst)$/

/**
 * @param dir the peer's folder. @param into made anew; on the same file system tables take no room in it.
 * @returns how many commits the copy holds.
 * @throws StoreFailure when there is no log, or none that can be copied.
 */
export const copyStore = async (dir: string, into: string): Promise<{ readonly commits: number }> => {
  const from = join(dir, 'log')
  if (!existsSync(join(from, 'db', 'CURRENT')))
    throw new StoreFailure('unreadable', `${dir} holds no log: name the folder of a peer that has run`)
  for (let attempt = 1; ; attempt++) {
    await rm(into, { recursive: true, force: true })
    try {
      if (await copyFiles(from, join(into, 'log'))) break
    } catch (error) {
      // A file that the manifest named has gone; or half of an edit was read.
      if (attempt >= ATTEMPTS_MAX || !(isGone(error) || error instanceof RangeError)) throw error
    }
    if (attempt >= ATTEMPTS_MAX)
      throw new StoreFailure(
        'io_error',
        `the log in ${dir} changed ${ATTEMPTS_MAX} times while it was copied: try again when less is written`,
      )
  }
  return { commits: await checked(into) }
}

const copyFiles = async (from: string, to: string): Promise<boolean> => {
  const [fromDb, toDb] = [join(from, 'db'), join(to, 'db')]
  await mkdir(toDb, { recursive: true, mode: 0o700 })
  await copyFile(join(from, 'mark'), join(to, 'mark'))
  const current = (await readFile(join(fromDb, 'CURRENT'), 'latin1')).trim()
  const manifest = await readFile(join(fromDb, current))
  const { tables, firstLog } = liveFilesOf(manifest)
  const logs = (await readdir(fromDb)).flatMap((name) => {
    const [, digits, kind] = FILE.exec(name) ?? []
    return kind === 'log' && Number(digits) >= firstLog ? [name] : []
  })
  for (const name of logs) await copyFile(join(fromDb, name), join(toDb, name))
  for (const number of tables) await linkTable(fromDb, toDb, String(number).padStart(6, '0'))
  await writeFile(join(toDb, current), manifest, { mode: 0o600 })
  await writeFile(join(toDb, 'CURRENT'), `${current}\n`, { mode: 0o600 })
  const after = (await readFile(join(fromDb, 'CURRENT'), 'latin1')).trim()
  return after === current && liveFilesOf(await readFile(join(fromDb, current))).firstLog === firstLog
}

const linkTable = async (from: string, to: string, number: string): Promise<void> => {
  const name = existsSync(join(from, `${number}.ldb`)) ? `${number}.ldb` : `${number}.sst`
  await link(join(from, name), join(to, name)).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw error
    await copyFile(join(from, name), join(to, name))
  })
}

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** Its tables must be sound (LevelDB does not look, and a backup of damage would take the place of a good one); opened, it must reach the mark. */
const checked = async (into: string): Promise<number> => {
  for (const name of (await readdir(join(into, 'log', 'db'))).filter(
    (file) => FILE.exec(file)?.[2] !== 'log' && FILE.test(file),
  )) {
    const state = checkTable(await readFile(join(into, 'log', 'db', name)))
    if (state.is !== 'sound')
      throw new StoreFailure(
        'unreadable',
        `a table of the log (${name}) is damaged, so nothing is backed up: restart the peer, which mends it from the others, and back up then`,
      )
  }
  const mark = openMark(join(into, 'log', 'mark'))
  const marked = mark.read
  await mark.close()
  const db = await openPlain(join(into, 'log', 'db'))
  try {
    const key = await lastKey(db, rangeOf(letters.trail))
    const value = key === null ? undefined : db.getSync(key)
    const trail = key === null || value === undefined ? null : readTrail(key, value)
    if (trail === null || (typeof marked !== 'string' && trail.batches < marked.extent.batches))
      throw new StoreFailure(
        'unreadable',
        'the copy of the log ends before its mark: the log is damaged; run mnemesh verify',
      )
    const arrivals = await lastArrival(db)
    if (arrivals === 0) throw new StoreFailure('unreadable', 'the log holds nothing: there is nothing to back up')
    return arrivals
  } finally {
    await db.close()
  }
}

const lastArrival = async (db: Database): Promise<number> => {
  const key = await lastKey(db, rangeOf(letters.arrival))
  return key !== null && key.length === ARRIVAL_KEY_BYTES ? key.readUIntBE(1, 6) : 0
}
