/**
 * The rounds as a picture: for each, how long writes were out and how long it took until all were equal. One self-contained SVG.
 */
import type { RoundResult } from './rounds.ts'

const ROW = 16
const LEFT = 260
const WIDTH = 900
const GRID = 5

export const timelineOf = (rounds: readonly RoundResult[]): string => {
  const most = Math.max(
    1_000,
    ...rounds.flatMap(({ healedMs, outHitMs, outOthersMs }) => [healedMs ?? 0, outHitMs ?? 0, outOthersMs ?? 0]),
  )
  const x = (ms: number): number => Math.round(((WIDTH - LEFT - 20) * ms) / most)
  const height = rounds.length * ROW + 50
  const bar = (y: number, ms: number | null, tall: number, color: string): string =>
    ms === null ? '' : `<rect x="${LEFT}" y="${y}" width="${x(ms)}" height="${tall}" fill="${color}"/>`
  const lines = rounds.map((one, i) => {
    const y = 40 + i * ROW
    const isWrong = one.violations.length > 0
    return `<text x="${LEFT - 6}" y="${y + 10}" text-anchor="end" fill="${isWrong ? '#b00020' : '#333'}">${one.round} ${escaped(one.classes.join(' + '))}${isWrong ? ` (${one.violations.length} wrong)` : ''}</text>${bar(y, one.outHitMs, 4, '#c96')}${bar(y + 4, one.outOthersMs, 4, '#69c')}${bar(y + 8, one.healedMs, 4, '#6a6')}`
  })
  const grid = Array.from(
    { length: GRID + 1 },
    (_, n) =>
      `<line x1="${LEFT + x((most * n) / GRID)}" y1="34" x2="${LEFT + x((most * n) / GRID)}" y2="${height}" stroke="#ddd"/><text x="${LEFT + x((most * n) / GRID)}" y="30" text-anchor="middle" fill="#666">${((most * n) / GRID / 1_000).toFixed(1)} s</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="#fff"/><text x="8" y="14" fill="#333">longest time without an acknowledged write: orange, of peers hit; blue, of the others; green: from the end of the fault to all equal</text>${grid.join('')}${lines.join('')}</svg>\n`
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
