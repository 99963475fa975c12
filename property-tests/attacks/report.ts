/** The rows as a table for people and as JSON for programs. */
import type { Row } from './trial.ts'

export type NotTried = { readonly id: string; readonly why: string }
export type Report = {
  readonly rows: readonly Row[]
  readonly notTried: readonly NotTried[]
  readonly open: number
  readonly peers: number
  readonly startedAt: string
  readonly seconds: number
}

const WIDTHS = { id: 26, who: 8, what: 58, answer: 26 }

export const HEADING = `${'id'.padEnd(WIDTHS.id)} ${'who'.padEnd(WIDTHS.who)} ${'what is sent'.padEnd(WIDTHS.what)} ${'answer'.padEnd(WIDTHS.answer)} state     alive  p99 ms  ratio  worst ms  ratio  cpu ms  MiB   verdict`

export const lineOf = (row: Row): string => {
  const { healthy } = row
  const state = row.changed.length === 0 ? 'unchanged' : 'changed'
  const waits =
    healthy === null
      ? '      –      –         –      –       –'
      : `${num(healthy.p99Ms, 6)} ${row.ratio.toFixed(1).padStart(6)} ${num(healthy.worstMs, 9)} ${row.worstRatio.toFixed(1).padStart(6)} ${num(healthy.worstCpuMs, 7)}`
  const verdict = row.faults.length === 0 ? 'closed' : `OPEN: ${row.faults.join(' | ')}`
  return `${cut(row.id, WIDTHS.id)} ${cut(row.who, WIDTHS.who)} ${cut(row.what, WIDTHS.what)} ${cut(row.answer, WIDTHS.answer)} ${state.padEnd(9)} ${(row.alive ? 'yes' : 'NO').padEnd(5)} ${waits} ${num(row.growthMib, 4)}   ${verdict}`
}

/** How far the run is, before each row. */
export const progressOf = (n: number, of: number, sinceMs: number): string =>
  `${String(n).padStart(3)}/${of} ${(sinceMs / 1_000).toFixed(0).padStart(4)} s`

const num = (value: number, width: number): string => value.toFixed(0).padStart(width)
const cut = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
