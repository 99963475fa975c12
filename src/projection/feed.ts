/**
 * Drives the projection from the log: the one writer, off the path of acks.
 *
 * open → (reset when the rows are of another log) → batches until caught up and mended → wait for growth → gather it, unless a reader waits → batches …
 * When all rows are to be made anew and the old ones are sound, new ones are made beside them, in turn with the batches that the old
 * ones take; once they show no less, they take over (`generations.ts`).
 * After any failure: pause, doubled up to a bound, then from `open` on, because only the database knows what it kept.
 *
 * Invariants:
 * 1. One call to the projection at a time, so batches never overlap or overtake each other.
 * 2. A batch starts where the stored cursor ends: what failed half-way is read and written again, whole.
 * 3. Rows that serve are never fewer than their cursor says: what is found damaged, or shows what this log has not, is dropped at once.
 * 4. A failure is told to `onError` and retried for ever; the cursor never passes rows that were not applied.
 * 5. What the database kept is asked of it after every failure, when a reader was refused (`recheck`), and now and then where others
 *    have their hands on it: then the answer, not what was believed, is the cursor.
 *
 * A batch's size in arrivals follows its size in rows: a commit may touch one memory or 256.
 */
import type { Position } from '../../crdt/frontier.ts'
import type { ChainId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import {
  ProjectionFailure,
  reaches,
  type Abilities,
  type LogPlace,
  type Projection,
  type ProjectionBatch,
  type ProjectionCursor,
} from '../ports/projection.ts'
import type { Timers } from './timers.ts'

/** The log, as far as the feeder needs it. */
export type FeedSource = {
  /** Which arrival log: rows under another are made anew. */
  epoch(): string
  arrivals(): number
  /** Which reading of that log: rows that show an older one are mended. */
  revision(): number
  /**
   * The rows that arrivals after the cursor touched (at most `limit` of them), as the documents say now, or those that are to be written
   * again since it shows an older reading; null when there are none. Whoever applied a batch asks on with that batch's own cursor.
   */
  batch(cursor: ProjectionCursor | null, limit: number): Promise<ProjectionBatch | null>
  /** Whether that much of these chains is in this log. */
  includes(arrived: readonly Position[]): boolean
  /** Calls back when the log has grown; answers the function that ends it. */
  onGrown(listener: () => void): () => void
}

export type Feed = {
  /** Arrivals that are not in the rows yet, all where these are of another epoch; at least one while the rows show an older reading of the log. */
  lag(): number
  /** What the rows that serve reflect; null before the first batch, and while there are none. */
  cursor(): ProjectionCursor | null
  /** How far the log is: what rows at this place show all of. */
  place(): LogPlace
  /** True as soon as the rows that serve show all of a log at `place`, false after `ms`, when stopped, or when too many wait already. */
  waitFor(place: LogPlace, ms: number): Promise<boolean>
  /** Projects the log anew, beside the rows that serve. Resolves when the new ones serve, with all that had arrived by now; rejects when stopped before. */
  rebuild(onProgress?: (done: number, total: number) => void): Promise<void>
  /** A reader was refused (`why`, one line) or misled: the database is looked at again, for it may be gone, empty or another. */
  recheck(why: string): void
  /** What went wrong last and has not gone well since, in one line; null when all is well. */
  trouble(): string | null
  /** As the database said when it was opened last. */
  abilities(): Abilities
  /** Ends the feeding; a batch under way is finished first. The projection stays open. */
  stop(): Promise<void>
}

export type FeedOptions = {
  readonly source: FeedSource
  readonly projection: Pick<
    Projection,
    'open' | 'apply' | 'arrivedOf' | 'reset' | 'abilities' | 'unfinished' | 'begin' | 'applyNext' | 'takeOver'
  >
  readonly timers: Timers
  /** Every failure, before its retry. */
  readonly onError: (error: Error) => void
  /** Looks at an idle database this often; never when absent, which will do for one that nobody else can touch. */
  readonly checkEveryMs?: number
  /** 0: growth is applied at once. */
  readonly gatherMs?: number
}

/** Some 2 ms of looking them up. */
const CHAINS_A_PAGE = 1_000
/**
 * Growth that nobody waits for is gathered so long, in ms, or until it is so many arrivals: a transaction costs as much as some ten rows, on
 * every peer, while writers wait for the same processors.
 */
const GATHER_MS = 100
const GATHERED_ARRIVALS = limits.projection_batch_arrivals_max / 2

type Waiter = { readonly place: LogPlace; readonly settle: (reached: boolean) => void }
/** Rows that are being fed: how far they are, and how many arrivals the next batch is to hold. */
type Line = { cursor: ProjectionCursor | null; batchArrivals: number }
const lineFrom = (cursor: ProjectionCursor | null): Line => ({ cursor, batchArrivals: 1 })

type Rebuild = {
  readonly total: number
  readonly onProgress: (done: number, total: number) => void
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const isRebuild = (error: unknown): boolean => error instanceof ProjectionFailure && error.rebuild

/** Starts at once, in the background. */
export const createFeed = ({
  source,
  projection,
  timers,
  onError,
  checkEveryMs,
  gatherMs = GATHER_MS,
}: FeedOptions): Feed => {
  let serving = lineFrom(null)
  /** The rows that are made beside those. */
  let next: Line | null = null
  let isTurnOfNext = false
  /** What `next` is to hold at least, before it serves. */
  let target = 0
  let abilities: Abilities = { age: null, lacks: [] }
  let stopped = false
  let mustReset = false
  let mustBuild = false
  /** A second failure that asks for new rows, while new ones are made, has all dropped. */
  let nextFailed = false
  let mustOpen = true
  let trouble: string | null = null
  let pauseMs: number = limits.projection_retry_ms_min
  let wake: () => void = () => undefined
  let woken = false
  let hurry: () => void = () => undefined
  /** Arrivals when the last batch was asked for: what came since is growth, what it left of these is a backlog, which is not gathered. */
  let known = 0
  const waiters = new Set<Waiter>()
  let rebuilds: Rebuild[] = []

  const stir = (): void => {
    woken = true
    wake()
    if (!mayGather()) hurry()
  }

  /** A reader waits for nothing but the batch, and what was read wrong is not left standing. */
  const mayGather = (): boolean => {
    const { cursor } = serving
    return (
      gatherMs > 0 &&
      !stopped &&
      !mustOpen &&
      !mustReset &&
      !mustBuild &&
      next === null &&
      waiters.size === 0 &&
      cursor !== null &&
      cursor.revision === source.revision() &&
      cursor.arrival >= known &&
      lagOf(cursor) < GATHERED_ARRIVALS
    )
  }
  const gather = async (): Promise<void> => {
    if (!mayGather() || lagOf(serving.cursor) === 0) return
    await new Promise<void>((resolve) => {
      const cancel = timers.after(gatherMs, resolve)
      hurry = () => {
        cancel()
        resolve()
      }
    })
    hurry = () => undefined
  }

  /** Resolves when something happened since the last call returned, or when it is time for a look. */
  const rest = async (): Promise<void> => {
    if (!woken) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          mustOpen = true
          resolve()
        }
        const cancel = checkEveryMs === undefined ? () => undefined : timers.after(checkEveryMs, look)
        wake = () => {
          cancel()
          resolve()
        }
      })
    }
    wake = () => undefined
    woken = false
  }

  const moved = (): void => {
    const [to, made] = [serving.cursor, (next ?? serving).cursor]
    if (to !== null && isOfLog(to)) for (const waiter of waiters) if (reaches(to, waiter.place)) waiter.settle(true)
    for (const rebuild of rebuilds)
      if (made !== null) rebuild.onProgress(Math.min(made.arrival, rebuild.total), rebuild.total)
  }

  const settleRebuilds = (): void => {
    const done = rebuilds.filter((rebuild) => (serving.cursor?.arrival ?? 0) >= rebuild.total)
    rebuilds = rebuilds.filter((rebuild) => !done.includes(rebuild))
    for (const rebuild of done) rebuild.resolve()
  }

  const open = async (): Promise<void> => {
    if (mustReset) return reset()
    mustOpen = false
    const found = await projection.open()
    abilities = await projection.abilities()
    const isForeign = found !== null && !isOfLog(found)
    const builds = mustBuild || isForeign || (await projection.unfinished())
    // Nothing there that could serve meanwhile.
    if (builds && (found === null || (isForeign && !(await isShownHere())))) return reset()
    serving = lineFrom(found)
    target = source.arrivals()
    next = builds ? lineFrom(await projection.begin(place())) : null
    mustBuild = false
    moved()
  }

  /** Whether all that the rows show is in this log. */
  const isShownHere = async (): Promise<boolean> => {
    for (let after: ChainId | null = null; ;) {
      const page: readonly Position[] = await projection.arrivedOf(after, CHAINS_A_PAGE)
      if (!source.includes(page)) return false
      if (page.length < CHAINS_A_PAGE) return true
      after = page.at(-1)!.chain
    }
  }

  const reset = async (): Promise<void> => {
    mustReset = true
    serving = lineFrom(null)
    next = null
    await projection.reset()
    abilities = await projection.abilities()
    mustReset = false
    mustBuild = false
    nextFailed = false
    mustOpen = false
  }

  /** One batch. False when there was nothing to do. */
  const step = async (): Promise<boolean> => {
    while (mustReset || mustOpen || mustBuild) await open()
    const fed = next === null ? await advance(serving, projection.apply) : await build(next)
    wentWell()
    return fed
  }

  const advance = async (line: Line, apply: Projection['apply']): Promise<boolean> => {
    const after = line.cursor?.arrival ?? 0
    known = source.arrivals()
    const batch = lagOf(line.cursor) > 0 ? await source.batch(line.cursor, line.batchArrivals) : null
    if (batch === null) return false
    if (batch.mends === undefined && batch.cursor.arrival <= after)
      throw new Error(`the log answered a batch up to ${batch.cursor.arrival} when asked for what comes after ${after}`)
    await apply(batch)
    line.cursor = batch.cursor
    if (!mustReset) moved()
    resize(line, batch, batch.mends === undefined ? batch.cursor.arrival - after : line.batchArrivals)
    return true
  }

  /** The rows that serve go on meanwhile, where they are of this log, in turn with those that are made. */
  const build = async (line: Line): Promise<boolean> => {
    isTurnOfNext = !isTurnOfNext
    if (
      !isTurnOfNext &&
      serving.cursor !== null &&
      isOfLog(serving.cursor) &&
      (await advance(serving, projection.apply))
    )
      return true
    try {
      const fed = await advance(line, projection.applyNext)
      if (!isWhole(line)) return fed
      await projection.takeOver()
      nextFailed = false
    } catch (error) {
      // The first time it is looked at again, and made anew if it is not sound: what serves is none the worse for it.
      if (!isRebuild(error) || nextFailed) throw error
      nextFailed = true
      throw new ProjectionFailure(`${(error as Error).message}; the rows that serve stay`)
    }
    serving = line
    next = null
    moved()
    return true
  }
  /** Whoever reads on with these rows sees no less than before. */
  const isWhole = ({ cursor }: Line): boolean => {
    const before = serving.cursor !== null && isOfLog(serving.cursor) ? serving.cursor.arrival : 0
    return (
      (cursor?.arrival ?? 0) >= Math.max(target, before) && (cursor === null || cursor.revision >= source.revision())
    )
  }

  const place = (): LogPlace => ({ epoch: source.epoch(), arrival: source.arrivals(), revision: source.revision() })
  const isOfLog = ({ epoch, arrival, revision }: ProjectionCursor): boolean =>
    epoch === source.epoch() && arrival <= source.arrivals() && revision <= source.revision()
  const lagOf = (at: ProjectionCursor | null): number =>
    at === null || !isOfLog(at)
      ? source.arrivals()
      : Math.max(source.arrivals() - at.arrival, at.revision < source.revision() ? 1 : 0)

  const wentWell = (): void => {
    trouble = null
    pauseMs = limits.projection_retry_ms_min
  }

  /** What would have met the target this time, at most twice as much as before. */
  const resize = (line: Line, batch: ProjectionBatch, arrivals: number): void => {
    const rows = batch.memories.length + batch.links.length + batch.episodes.length
    const fitting = Math.floor((arrivals * limits.projection_batch_rows_target) / Math.max(1, rows))
    line.batchArrivals = Math.max(1, Math.min(fitting, 2 * line.batchArrivals, limits.projection_batch_arrivals_max))
  }

  const follow = async (): Promise<void> => {
    while (!stopped) {
      while (!stopped && (await step())) await gather()
      if (!mustReset && !mustBuild && next === null) settleRebuilds()
      if (!stopped && !mustReset && !mustBuild && !mustOpen) await rest()
      await gather()
    }
  }

  const run = async (): Promise<void> => {
    while (!stopped) {
      try {
        await follow()
      } catch (error) {
        if (isRebuild(error)) mustReset = true
        mustOpen = true
        const failure = error instanceof Error ? error : new Error(String(error))
        trouble = failure.message
        onError(failure)
        const until = pauseMs
        pauseMs = Math.min(limits.projection_retry_ms_max, 2 * pauseMs)
        if (!stopped) await pause(until)
      }
    }
    // A rebuild that was asked for is not forgotten by stopping: what is begun goes on at the next start.
    if (mustReset || mustBuild)
      await open().catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
  }

  /** Growth does not shorten a pause; stopping does. */
  let endPause: () => void = () => undefined
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = timers.after(ms, resolve)
      endPause = () => {
        cancel()
        resolve()
      }
    })

  const unsubscribe = source.onGrown(stir)
  const running = run()

  return {
    recheck: (why) => {
      mustOpen = true
      trouble ??= why
      stir()
    },
    trouble: () => trouble,
    lag: () => lagOf(serving.cursor),
    cursor: () => serving.cursor,
    place,
    waitFor: (wanted, ms) =>
      new Promise((resolve) => {
        const { cursor } = serving
        if (cursor !== null && isOfLog(cursor) && reaches(cursor, wanted)) return resolve(true)
        if (stopped || waiters.size >= limits.causal_waiters_max) return resolve(false)
        const cancel = timers.after(ms, () => waiter.settle(false))
        const waiter: Waiter = {
          place: wanted,
          settle: (result) => {
            waiters.delete(waiter)
            cancel()
            resolve(result)
          },
        }
        waiters.add(waiter)
        hurry()
      }),
    rebuild: (onProgress = () => undefined) =>
      new Promise((resolve, reject) => {
        if (stopped)
          return reject(new ProjectionFailure('projection: its feeding has stopped; start the peer to rebuild'))
        mustBuild ||= next === null
        rebuilds.push({ total: source.arrivals(), onProgress, resolve, reject })
        stir()
      }),
    abilities: () => abilities,
    stop: async () => {
      stopped = true
      unsubscribe()
      stir()
      endPause()
      await running
      for (const waiter of waiters) waiter.settle(false)
      for (const rebuild of rebuilds)
        rebuild.reject(
          new ProjectionFailure('projection: the peer stopped during the rebuild; it goes on at the next start'),
        )
      rebuilds = []
    },
  }
}
