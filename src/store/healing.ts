/**
 * Whether the store takes writes, why not, and its way back: a full disk is looked at every second, and after a write that failed
 * the database is opened anew as soon as there is room, again and again, further apart.
 */
import { StoreFailure } from '../ports/store.ts'
import { toFailure } from './failure.ts'

/** Room is seen, and the first attempt made, within this. */
const LOOK_MS = 1_000
/** Between two attempts at most: with an opening of some seconds, ten seconds from room to writes hold. */
const RETRY_MS_MAX = 4_000

export type Healing<Cause> = {
  /** @throws StoreFailure when nothing can be written now. */
  assertWritable(): void
  /** A write failed: nothing is written until `mend` has succeeded. Answers the failure to be thrown. */
  fail(error: unknown, cause: Cause | null): StoreFailure
  /** Why nothing can be written; null when it can. */
  trouble(): StoreFailure | null
  /** Whether a write failed and nothing has mended that since. */
  hasFailed(): boolean
  /** Told each time that writes are taken again. */
  onHealed(listener: () => void): void
  /** Ends after the attempt under way. */
  stop(): Promise<void>
}

export type HealingOptions<Cause> = {
  readonly dir: string
  readonly freeBytes: () => number
  /** Bytes that must be free for a batch to be begun, and for an attempt. */
  readonly freeBytesMin: number
  readonly attemptBytesMin: number
  /** Makes the store writable again. Rejects to be tried again; with an `unreadable` failure, never. */
  readonly mend: (cause: Cause | null) => Promise<void>
  /** A write that changes nothing; rejects when writes would. */
  readonly probe: () => Promise<void>
}

export const startHealing = <Cause>({
  dir,
  freeBytes,
  freeBytesMin,
  attemptBytesMin,
  mend,
  probe,
}: HealingOptions<Cause>): Healing<Cause> => {
  const listeners: (() => void)[] = []
  let failed: { readonly failure: StoreFailure; readonly cause: Cause | null } | null = null
  let full: StoreFailure | null = null
  let timer: NodeJS.Timeout | null = null
  let waitMs = LOOK_MS
  let attempt: Promise<void> = Promise.resolve()
  let isStopped = false

  const watch = (): void => {
    if (timer !== null || isStopped || failed?.failure.code === 'unreadable') return
    timer = setTimeout(() => {
      timer = null
      attempt = look()
    }, waitMs).unref()
  }

  const look = async (): Promise<void> => {
    if (freeBytes() < freeBytesMin) return watch()
    // A table that the database could not write meanwhile, by itself, fails the next write and each after it.
    if (failed === null)
      await probe().catch(
        (error: unknown) => (failed ??= { failure: toFailure(error, `write to ${dir}`), cause: null }),
      )
    if (failed !== null) {
      if (freeBytes() < attemptBytesMin) return watch()
      try {
        await mend(failed.cause)
      } catch (error) {
        failed = { ...failed, failure: toFailure(error, `open the log in ${dir} anew`) }
        waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)
        return watch()
      }
    }
    failed = null
    full = null
    waitMs = LOOK_MS
    for (const listener of listeners) listener()
  }

  const refusal = ({ code, message }: StoreFailure): StoreFailure =>
    new StoreFailure(
      code,
      `${dir} takes no writes since one failed; ${code === 'unreadable' ? 'start again to repair it' : 'it goes on by itself once the cause is mended'}. ${message}`,
    )

  return {
    assertWritable() {
      if (failed !== null) throw refusal(failed.failure)
      const free = freeBytes()
      if (free >= freeBytesMin) return
      full = new StoreFailure(
        'disk_full',
        `${free} bytes are free where ${dir} lies, ${freeBytesMin} are needed: free some space, then try again`,
      )
      watch()
      throw full
    },
    fail(error, cause) {
      const failure = toFailure(error, `write to ${dir}`)
      failed = { failure, cause }
      watch()
      // Only the batch in which it failed can be there; those that are refused from now on are not begun.
      return new StoreFailure(failure.code, failure.message, true)
    },
    trouble: () => (failed === null ? full : refusal(failed.failure)),
    hasFailed: () => failed !== null,
    onHealed: (listener) => void listeners.push(listener),
    async stop() {
      isStopped = true
      if (timer !== null) clearTimeout(timer)
      await attempt
    },
  }
}
