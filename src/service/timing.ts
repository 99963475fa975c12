/**
 * What a peer does with time by itself: an even clock for the mesh, ticks while anybody waits, answers that are asked for once a while.
 */
import type { Clock } from '../ports/clock.ts'
import type { Shell } from '../replica/effects.ts'
import type { Replica } from '../replica/replica-types.ts'

/** Clock and timers of one kind. */
export type Timers = Clock & { after(ms: number, call: () => void): () => void }

/** Deadlines are looked at this often while anybody waits. */
const TICK_MS = 25

/**
 * For how long, never for what time it is: the mesh's retries, dials and deadlines would stop for an hour when somebody puts the
 * clock back an hour. Shows the wall clock of the start, and goes on evenly from there.
 */
export const steadyTimers = ({ now, after }: Timers, monotonic: () => number): Timers => {
  const startMs = now() - monotonic()
  return { now: () => Math.floor(startMs + monotonic()), after }
}

export const tickWhileWaiting = (timers: Timers, replica: Replica, shell: Shell): (() => void) => {
  let cancel = (): void => undefined
  const tick = (): void => {
    if (replica.nextDeadlineMs() !== null || replica.intake.pending() > 0) shell.feed({ kind: 'tick' })
    cancel = timers.after(TICK_MS, tick)
  }
  cancel = timers.after(TICK_MS, tick)
  return () => cancel()
}

export const cached = <T>(clock: Clock, read: () => Promise<T>, ms: number): (() => Promise<T>) => {
  let atMs = Number.NEGATIVE_INFINITY
  let value: Promise<T> | null = null
  return () => {
    if (value === null || clock.now() - atMs > ms) {
      atMs = clock.now()
      value = read()
    }
    return value
  }
}
