/**
 * How things look on a terminal: short, aligned, coloured where somebody looks at it.
 *
 * Texts come from other agents, so every control character is taken out before it is shown: a memory must not be able to
 * move the cursor or rename the window.
 */
import pc from 'picocolors'
import type { MemoryRow } from '../sdk/answers.ts'
import type { Output } from './io.ts'

export type Colours = ReturnType<typeof pc.createColors>

/** Colours when the stream is a terminal and NO_COLOR is not set. */
export const coloursFor = (stream: Output, env: Readonly<Record<string, string | undefined>>): Colours =>
  pc.createColors(stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb')

/** Without control characters but tab and newline; bidirectional overrides go too. */
export const clean = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')

/** One line of at most `width` characters. */
export const excerpt = (text: string, width: number): string => {
  const line = clean(text).replace(/\s+/g, ' ').trim()
  const letters = Array.from(line.slice(0, width * 2))
  return letters.length <= width && line.length <= width * 2
    ? line
    : `${letters.slice(0, Math.max(0, width - 1)).join('')}…`
}

/** `2026-11-20 23:27` in UTC. */
export const shortTime = (time: string): string => time.slice(0, 16).replace('T', ' ')

/** Columns padded to their widest cell; the last is left as it is. `paint[i]` colours column i after padding. */
export const table = (
  rows: readonly (readonly string[])[],
  paint: readonly (((text: string) => string) | null)[] = [],
): string => {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (paint[i] ?? String)(i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

/** What a memory is called: its title, or how its text begins. */
export const nameOf = (memory: Pick<MemoryRow, 'title' | 'content'>, width: number): string =>
  excerpt(memory.title ?? memory.content ?? '(text not here)', width)

/** `12,345`. */
export const count = (n: number): string => n.toLocaleString('en-US')

/** `1 memory`, `2 memories`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`

/** `3.4 MiB`. @param bytes a whole number of bytes. */
export const bytesText = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** Field values as a reader wants them: text plain, the rest as JSON. */
export const valueText = (value: unknown, width: number): string =>
  excerpt(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'), width)
