/**
 * What the system knows of a process (Linux): processor time of its main thread, on which the event loop runs, and memory.
 */
import { readFileSync } from 'node:fs'

/** Clock ticks are 10 ms on every Linux that Node runs on (USER_HZ). */
const TICK_MS = 10

/** User and system time of the main thread, ms, in steps of 10. @throws when the process is gone. */
export const mainThreadMs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
  // The name in brackets may hold blanks; utime and stime are the 12th and 13th behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Resident memory, MiB. @throws when the process is gone. */
export const residentMib = (pid: number): number => {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kib === undefined) throw new Error(`process ${pid} is gone`)
  return Number(kib) / 1024
}
