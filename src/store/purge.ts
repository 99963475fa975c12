/**
 * Getting an erased text off the disk, not only out of sight.
 *
 * LevelDB's delete writes a marker; the text stays in the write-ahead log and in tables until a compaction meets both. One
 * flush may even put text and marker into one bottom table that no later compaction touches. So, in the background:
 * flush, mark the text as deleted *again* (that marker lies above any table that holds the text), then compact that one
 * key's range down all levels, which drops both. The key p‖ref stands from the erasure to here: a crash only repeats it.
 *
 * What quarantine keeps (`lost/`, `db/lost/`) is not searched for the text.
 */
import { limits } from '../../crdt/limits.ts'
import { bodyKey, letters, rangeOf, refOfKey } from './records.ts'
import type { Database } from './database.ts'

export type Purge = {
  /** There are erased texts to get off the disk: goes to work if it is not at it. */
  wake(): void
  /** Ends after the texts in hand; the rest waits for the next opening. Never rejects. */
  stop(): Promise<void>
}

type Writes = { remove(keys: readonly Buffer[]): Promise<void>; assertWritable(): void }

/**
 * @param writes `remove` deletes these keys by the store's own way of writing; `assertWritable` throws while that is not to be had: a
 * compaction that meets a full disk makes the database refuse every write.
 * @param failed is told why the work ended early; the next wake or opening takes it up again.
 */
export const startPurge = (
  db: Database,
  { remove, assertWritable }: Writes,
  failed: (error: unknown) => void,
): Purge => {
  let stopping = false
  let working: Promise<void> | null = null
  let again = false

  const work = async (): Promise<void> => {
    do {
      again = false
      const waiting = await db.keys({ ...rangeOf(letters.purge), limit: limits.store_purge_refs }).all()
      if (waiting.length === 0) continue
      assertWritable()
      const bodies = waiting.map((key) => bodyKey(refOfKey(key)))
      await db.compactRange(bodies[0]!, bodies[0]!)
      await remove(bodies)
      for (const key of bodies) await db.compactRange(key, key)
      await remove(waiting)
      again = true
    } while (again && !stopping)
  }

  return {
    wake() {
      again = true
      if (stopping || working !== null) return
      working = work()
        .catch(failed)
        .finally(() => {
          working = null
        })
    },
    async stop() {
      stopping = true
      await working
    },
  }
}
