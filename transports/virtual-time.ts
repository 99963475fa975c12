/**
 * Time that passes only when told to: the `Timers` of tests and of the simulated world.
 *
 * Calls due at one moment happen in the order in which they were asked for. Units: ms.
 */
import type { Timers } from './ports.ts'

export type VirtualTime = Timers & {
  /** Lets `ms` pass, making every call that falls due. */
  advance(ms: number): void
  /** Lets time pass until `fact` holds, at most `msMax`; answers whether it does. */
  runUntil(fact: () => boolean, msMax: number): boolean
}

type Call = { readonly atMs: number; readonly order: number; readonly call: () => void }

/** More calls than this in one step of time is a loop that would never end. */
const CALLS_AT_ONCE_MAX = 1_000_000

export const createVirtualTime = (startMs: number): VirtualTime => {
  let nowMs = startMs
  let order = 0
  /** Sorted, the next one last. */
  const queue: Call[] = []

  const insert = (entry: Call): void => {
    let [low, high] = [0, queue.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = queue[middle]!
      if (other.atMs > entry.atMs || (other.atMs === entry.atMs && other.order > entry.order)) low = middle + 1
      else high = middle
    }
    queue.splice(low, 0, entry)
  }
  /** Makes the next call that is due by `untilMs`; false when there is none. */
  const step = (untilMs: number): boolean => {
    const next = queue.at(-1)
    if (next === undefined || next.atMs > untilMs) return false
    queue.pop()
    nowMs = Math.max(nowMs, next.atMs)
    next.call()
    return true
  }

  return {
    now: () => nowMs,
    after: (ms, call) => {
      const entry: Call = { atMs: nowMs + Math.max(0, ms), order: order++, call }
      insert(entry)
      return () => {
        const at = queue.indexOf(entry)
        if (at !== -1) queue.splice(at, 1)
      }
    },
    advance: (ms) => {
      const untilMs = nowMs + ms
      for (let calls = 0; step(untilMs); calls++)
        if (calls > CALLS_AT_ONCE_MAX)
          throw new Error('virtual time: calls without end; something reschedules itself at once')
      nowMs = untilMs
    },
    runUntil: (fact, msMax) => {
      const untilMs = nowMs + msMax
      while (!fact()) if (!step(untilMs)) return fact()
      return true
    },
  }
}
