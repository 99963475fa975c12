/**
 * What disks and LevelDB throw, as the port's `StoreFailure`: one line that names the cause and the mend.
 *
 * LevelDB gives the system's own words and no error number, so these are matched; anything unknown is an `io_error`.
 */
import { StoreFailure } from '../ports/store.ts'
import type { StoreFailureCode } from '../ports/store.ts'

const FULL = /no space left|disk quota exceeded|ENOSPC|EDQUOT/i
const UNREADABLE = /corrupt|invalid argument|no such file|does not exist|ENOENT|ENOTDIR|not a directory/i

/** Causes with a mend of their own, whatever the code. */
const MEND_BY_CAUSE: readonly (readonly [RegExp, string])[] = [
  [/too many open files|EMFILE|ENFILE/i, 'allow the process more open files (ulimit -n)'],
  [/read-only file system|EROFS/i, 'make the file system writable'],
  [
    /permission denied|operation not permitted|EACCES|EPERM/i,
    'give this user the right to write to the folder and its files',
  ],
]

const MEND: Readonly<Record<StoreFailureCode, string>> = {
  disk_full: 'free some space, then try again',
  io_error: 'check the disk and the rights on the folder, then start again',
  locked: 'stop that process, or use another --data folder',
  closed: 'open it again',
  unreadable: 'put the folder back from a backup, or move it away and start: the other peers send everything again',
}

/** The innermost cause's words: abstract-level wraps what LevelDB said. */
export const causeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const causes: unknown[] = Array.isArray(error.cause) ? error.cause : [error.cause]
  const inner = causes.filter((cause) => cause !== undefined && cause !== null).map(causeOf)
  return inner.length > 0 ? inner.join('; ') : error.message
}

/** @param doing what failed, as the beginning of a sentence: `write to DIR`. */
export const toFailure = (error: unknown, doing: string): StoreFailure => {
  if (error instanceof StoreFailure) return error
  const cause = causeOf(error)
  const code = FULL.test(cause) ? 'disk_full' : UNREADABLE.test(cause) ? 'unreadable' : 'io_error'
  const mend = MEND_BY_CAUSE.find(([pattern]) => pattern.test(cause))?.[1] ?? MEND[code]
  return new StoreFailure(code, `cannot ${doing} (${cause}): ${mend}`)
}

/** True for errors of opening that a repair of the database may mend. */
export const isDamage = (error: unknown): boolean => !FULL.test(causeOf(error)) && UNREADABLE.test(causeOf(error))

export const closed = (dir: string): StoreFailure =>
  new StoreFailure('closed', `the log in ${dir} is closed: ${MEND.closed}`)
