/**
 * The database that is in use now, behind one handle: the store opens it anew while others hold the handle and read.
 */
import type { Database, OpenDatabase } from './database.ts'

export type LiveDatabase = {
  readonly db: Database
  /** The one in use. */
  current(): OpenDatabase
  /** From now on `next` is in use. Answers the one before, which the caller closes. */
  use(next: OpenDatabase): OpenDatabase
}

export const liveDatabase = (first: OpenDatabase): LiveDatabase => {
  let current = first
  return {
    db: {
      getSync: (key) => current.getSync(key),
      keys: (range) => current.keys(range),
      iterator: (range) => current.iterator(range),
      batch: () => current.batch(),
      compactRange: (from, to) => current.compactRange(from, to),
    },
    current: () => current,
    use: (next) => {
      const before = current
      current = next
      return before
    },
  }
}
