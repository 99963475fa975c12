/**
 * The files around the database in `DIR/log/`, and what they tell: whose folder this is, and how it was left.
 *
 *   db/      LevelDB
 *   guard/   an empty LevelDB, for its lock (database.ts)
 *   mark     the high-water mark (mark.ts)
 *   lock     the process id of who has it open; kept for good, because its inode is the folder's identity
 *   clean    left by a clean stop, removed at the next opening
 *   before/  the database's write-ahead logs as they were before opening (hard links): recovering, LevelDB unlinks them,
 *            and with them what it could not read
 *   reading/ the database as links to its files, while it is opened anew (reopen.ts)
 *   reserve  keeps room for opening on a full disk (reserve.ts)
 *   lost/    those of them in which something was missing, and damaged tables as they were: never deleted by us
 *
 * Identity: device, inode and change time of `lock`, which each opening rewrites. A copied folder has another inode; one
 * restored in place another change time, which no program can set. Both begin a new incarnation. (A rolled back disk image
 * keeps all three: there only the other peers' knowledge helps. Consequence if they too know nothing: a fork, which is proof.)
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  copyFileSync,
  linkSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Extent } from './records.ts'

export type Folder = {
  readonly dir: string
  readonly root: string
  readonly db: string
  readonly guard: string
  readonly mark: string
  readonly lock: string
  readonly clean: string
  readonly before: string
  readonly lost: string
  readonly reading: string
  readonly reserve: string
}

/** @param dir the peer's data folder. Makes `DIR/log/` when absent. */
export const openFolder = (dir: string): Folder => {
  const root = join(dir, 'log')
  mkdirSync(root, { recursive: true, mode: 0o700 })
  const at = (name: string): string => join(root, name)
  return {
    dir,
    root,
    db: at('db'),
    guard: at('guard'),
    mark: at('mark'),
    lock: at('lock'),
    clean: at('clean'),
    before: at('before'),
    lost: at('lost'),
    reading: at('reading'),
    reserve: at('reserve'),
  }
}

/** Device, inode and change time of the lock file, or null when there is none. */
export const identityOf = (folder: Folder): string | null => {
  const stat = statSync(folder.lock, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? null : `${stat.dev}:${stat.ino}:${stat.ctimeNs}`
}

/** Writes our process id; answers the identity from now on. Call it only while holding the database's lock. */
export const claim = (folder: Folder, pid: number): string => {
  writeFileSync(folder.lock, `${pid}\n`, { mode: 0o600, flush: true })
  flushFolder(folder.root)
  const identity = identityOf(folder)
  if (identity === null) throw new Error(`${folder.lock} vanished while it was written`)
  return identity
}

/** Who has the folder open, as far as the lock file says. */
export const holderOf = (folder: Folder): string => {
  const text = existsSync(folder.lock) ? readFileSync(folder.lock, 'latin1').trim() : ''
  return /^\d{1,10}$/.test(text) ? `process ${text}` : 'another process'
}

/** Makes a folder's entries (files made, renamed, removed in it) durable. */
export const flushFolder = (path: string): void => {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

// ── the clean stop ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What a clean stop states. Every field is compared with the facts, so a damaged statement is simply not a true one. */
const statement = (epoch: string, extent: Extent, identity: string): string =>
  `${JSON.stringify({ epoch, batches: extent.batches, arrivals: extent.arrivals, digest: extent.digest.toString('hex'), folder: identity })}\n`

export const leaveClean = (folder: Folder, epoch: string, extent: Extent, identity: string): void => {
  writeFileSync(folder.clean, statement(epoch, extent, identity), { mode: 0o600, flush: true })
  flushFolder(folder.root)
}

export const wasLeftClean = (folder: Folder, epoch: string, extent: Extent, identity: string): boolean =>
  existsSync(folder.clean) && readFileSync(folder.clean, 'utf8') === statement(epoch, extent, identity)

/** Durable: a crash from here on is not taken for a clean stop. */
export const removeClean = (folder: Folder): void => {
  rmSync(folder.clean, { force: true })
  flushFolder(folder.root)
}

// ── the write-ahead logs before opening ─────────────────────────────────────────────────────────────────────────────

const LOG_FILE = /^\d+\.log$/
const DATABASE_FILE = /^(\d+\.(log|ldb|sst)|MANIFEST-\d+)$/

/** True when files of a database are there without the one that names them: creating anew would delete them. */
export const isHeadless = (folder: Folder): boolean =>
  existsSync(folder.db) &&
  !existsSync(join(folder.db, 'CURRENT')) &&
  readdirSync(folder.db).some((name) => DATABASE_FILE.test(name))

/** Links (where the file system cannot: copies) the logs aside. What an opening that was cut short put there stays. */
export const setLogsAside = (folder: Folder): void => {
  if (!existsSync(folder.db)) return
  mkdirSync(folder.before, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(folder.db).filter((file) => LOG_FILE.test(file))) {
    const aside = join(folder.before, name)
    if (existsSync(aside)) continue
    try {
      linkSync(join(folder.db, name), aside)
    } catch {
      copyFileSync(join(folder.db, name), aside)
    }
  }
}

/** @param keepAs a name under `lost/` when something of them is missing, null when all is well. */
export const settleLogs = (folder: Folder, keepAs: string | null): void => {
  if (!existsSync(folder.before)) return
  if (keepAs === null) return rmSync(folder.before, { recursive: true })
  mkdirSync(folder.lost, { recursive: true, mode: 0o700 })
  renameSync(folder.before, join(folder.lost, keepAs))
}
