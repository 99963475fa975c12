/**
 * How much processor time one turn of the event loop takes at most while something is done: time of this thread alone, as the kernel
 * counts it, so that a busy machine does not make turns longer than they are. For tests.
 *
 * Between two turns there is always an immediate, which reads the thread's clock. That clock is set forward at each tick of the
 * scheduler, so a turn may be measured up to `TICK_MS` too long or too short.
 */
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** 100 ticks a second are the fewest that Linux is built with. */
export const TICK_MS = 10

const SCHEDULE = '/proc/thread-self/schedstat'

/** Processor time of this thread in ms; of the process, all its threads, where the kernel does not tell them apart. */
export const threadMs = (): number => {
  try {
    return Number(readFileSync(SCHEDULE, 'latin1').split(' ', 1)[0]) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e3
  }
}

/** Does it, and answers what it answered and the longest turn meanwhile, in ms of processor time. */
export const longestTurn = async <T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> => {
  let over = false
  let longest = 0
  const watch = async (): Promise<void> => {
    for (let before = threadMs(); !over;) {
      await nextTurn()
      const now = threadMs()
      longest = Math.max(longest, now - before)
      before = now
    }
  }
  const watching = watch()
  await nextTurn()
  const value = await work().finally(() => {
    over = true
  })
  await watching
  return { value, ms: longest }
}
