/**
 * Who is served when: one piece of work of one client, then the next client's, and after a few milliseconds everybody else
 * in the process (requests, disk, mesh), whatever the clients ask for.
 *
 * Time and the way to come back later are arguments. A worker that throws is told so and is out; the others go on.
 */
import { limits } from '../../crdt/limits.ts'

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

/** @param now milliseconds. @param defer calls later, after other events had their turn. */
export const createTurns = (now: () => number, defer: (call: () => void) => void): Turns => {
  const waiting = new Set<Worker>()
  let scheduled = false
  const schedule = (): void => {
    if (scheduled || waiting.size === 0) return
    scheduled = true
    defer(run)
  }
  const run = (): void => {
    scheduled = false
    const endMs = now() + limits.live_turn_ms_max
    // Those who have more go to the end of the line, which this loop therefore reaches only when time or work is out.
    for (const worker of waiting) {
      waiting.delete(worker)
      try {
        if (worker.step()) waiting.add(worker)
      } catch (error) {
        worker.failed(error)
      }
      if (now() >= endMs) break
    }
    schedule()
  }
  return {
    wake: (worker) => {
      waiting.add(worker)
      schedule()
    },
    forget: (worker) => void waiting.delete(worker),
  }
}
