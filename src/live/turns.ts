/**
 * Who is served when: one piece of work of one client, then the next client's, and after a few milliseconds everybody else
 * in the process (requests, disk, mesh), whatever the clients ask for.
 *
 * Whoever's piece it was rests three times as long as that took, so that a client's flood takes a quarter of a core and no more,
 * and those who ask for little are not kept waiting by it.
 *
 * Time and the way to come back later are arguments. A worker that throws is told so and is out; the others go on.
 */
import { liveLimits } from './limits.ts'

export type Worker = {
  /** Does one piece. @returns whether there is more to do. */
  step(): boolean
  failed(error: unknown): void
}

export type Turns = {
  /** This worker has something to do. */
  wake(worker: Worker): void
  /** It shall not be called again. */
  forget(worker: Worker): void
}

export type TurnsOptions = {
  /** Milliseconds; never back. */
  readonly now: () => number
  /** Calls later, after other events had their turn. */
  readonly defer: (call: () => void) => void
  readonly after: (ms: number, call: () => void) => void
}

/** Rest for each ms of work: one client alone takes at most a quarter of a core. */
const REST = 3
/** A piece that takes so long had to wait for the processor itself. */
const REST_MS_MAX = liveLimits.live_batch_ms
/** Less work than this goes on into the next piece: a timer for it would take longer. */
const REST_FROM_MS = 1

export const createTurns = ({ now, defer, after }: TurnsOptions): Turns => {
  const waiting = new Set<Worker>()
  /** Those that rest, and whether they have something to do. */
  const resting = new Map<Worker, boolean>()
  /** Worked since the last rest, ms. */
  const workedMs = new WeakMap<Worker, number>()
  let scheduled = false
  const schedule = (): void => {
    if (scheduled || waiting.size === 0) return
    scheduled = true
    defer(run)
  }
  const wake = (worker: Worker): void => {
    if (resting.has(worker)) resting.set(worker, true)
    else waiting.add(worker)
    schedule()
  }
  const rest = (worker: Worker, ms: number): void => {
    resting.set(worker, false)
    after(ms, () => {
      const wanted = resting.get(worker) === true
      resting.delete(worker)
      if (wanted) wake(worker)
    })
  }
  const step = (worker: Worker): void => {
    const startMs = now()
    let more = false
    try {
      more = worker.step()
    } catch (error) {
      worker.failed(error)
    }
    const worked = (workedMs.get(worker) ?? 0) + Math.max(0, now() - startMs)
    workedMs.set(worker, worked < REST_FROM_MS ? worked : 0)
    if (worked >= REST_FROM_MS) rest(worker, Math.min(worked * REST, REST_MS_MAX))
    if (more) wake(worker)
  }
  const run = (): void => {
    scheduled = false
    const endMs = now() + liveLimits.live_turn_ms_max
    // Those who have more go to the end of the line, which this loop therefore reaches only when time or work is out.
    for (const worker of waiting) {
      waiting.delete(worker)
      step(worker)
      if (now() >= endMs) break
    }
    schedule()
  }
  return {
    wake,
    forget: (worker) => {
      waiting.delete(worker)
      if (resting.has(worker)) resting.set(worker, false)
    },
  }
}
