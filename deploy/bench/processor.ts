/**
 * Processor time of processes and of all that they started, as the kernel counts it (Linux alone): a machine that others use as well
 * makes a write slower by the clock, and hardly dearer by this.
 */
import { readFileSync, readdirSync } from 'node:fs'

/** Linux tells these times in hundredths of a second, whatever its own tick is. */
const TICKS_A_SECOND = 100

type Entry = { readonly parent: number; readonly own: number; readonly reaped: number }

/** Seconds since they began: their own, of children that have ended, and of those that run. */
export const processorSeconds = (pids: readonly number[]): number => {
  const all = new Map<number, Entry>()
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? read(Number(name)) : null
    if (entry !== null) all.set(Number(name), entry)
  }
  let ticks = 0
  for (const [pid, { parent, own, reaped }] of all) {
    if (pids.includes(pid)) ticks += own + reaped
    else if (pids.includes(parent)) ticks += own
  }
  return ticks / TICKS_A_SECOND
}

/** Null when it has ended. */
const read = (pid: number): Entry | null => {
  try {
    // The name in brackets may hold anything.
    const [, parent, , , , , , , , , , user, system, childUser, childSystem] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .split(') ')
      .at(-1)!
      .split(' ')
      .map(Number)
    return { parent: parent!, own: user! + system!, reaped: childUser! + childSystem! }
  } catch {
    return null
  }
}
