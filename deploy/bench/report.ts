/** What a run showed, as a table, as JSON and as a chart. */
import { cpus } from 'node:os'
import { summary, type Result, type Summary } from './rounds.ts'

export type Report = {
  readonly machine: string
  readonly rounds: number
  readonly seconds: number
  readonly rows: readonly Summary[]
  readonly promises: Readonly<Record<string, string>>
  readonly missing: readonly string[]
}

export const reportOf = (
  result: Result,
  { rounds, seconds, promises }: Pick<Report, 'rounds' | 'seconds' | 'promises'>,
): Report => ({
  machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`,
  rounds,
  seconds,
  rows: result.rows.map(summary),
  promises,
  missing: result.missing,
})

const cellsOf = ({ rows }: Report): readonly string[] => [...new Set(rows.map(({ cell }) => cell))]
const contendersOf = ({ rows }: Report): readonly string[] => [...new Set(rows.map(({ contender }) => contender))]
const find = ({ rows }: Report, contender: string, cell: string): Summary | undefined =>
  rows.find((row) => row.contender === contender && row.cell === cell)

/** Markdown: writes a second (p50 / p99 ms), processor seconds for 1,000 writes, longest turn. */
export const table = (report: Report): string => {
  const cells = cellsOf(report)
  const grid = (title: string, show: (row: Summary) => string): string =>
    [
      `| ${title} | ${cells.join(' | ')} |`,
      `|---|${cells.map(() => '--:').join('|')}|`,
      ...contendersOf(report).map(
        (contender) =>
          `| ${contender} | ${cells
            .map((cell) => {
              const row = find(report, contender, cell)
              return row === undefined ? '–' : show(row)
            })
            .join(' | ')} |`,
      ),
    ].join('\n')
  const parts = [
    grid(
      'writes/s (p50 / p99 ms)',
      (row) =>
        `${Math.round(row.writesPerSecond).toLocaleString('en')} (${short(row.p50Ms)} / ${short(row.p99Ms)})${row.failed > 0 ? ` ${row.failed} failed` : ''}`,
    ),
    grid('s of processor for 1,000 writes, all replicas', (row) => row.processorSecondsPerThousand.toFixed(2)),
    grid('longest turn of an event loop, ms of processor', (row) =>
      row.longestTurnMs === null ? '–' : row.longestTurnMs === 0 ? '< 15' : row.longestTurnMs.toFixed(0),
    ),
  ]
  return [
    `${report.machine}; medians of ${report.rounds} rounds of ${report.seconds} s`,
    ...parts,
    ...report.missing.map((line) => `skipped: ${line}`),
  ].join('\n\n')
}

const short = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0))

const COLOURS = ['#0072b2', '#56b4e9', '#d55e00', '#e69f00', '#009e73', '#cc79a7', '#999999', '#000000']
const [BAR, GAP, LEFT, WIDTH] = [14, 22, 90, 640]

/** Writes a second, one bar a contender and cell, on a scale of powers of ten. */
export const chart = (report: Report): string => {
  const [cells, contenders] = [cellsOf(report), contendersOf(report)]
  const most = Math.max(10, ...report.rows.map(({ writesPerSecond }) => writesPerSecond))
  const wide = (writes: number): number => (Math.log10(Math.max(1, writes)) / Math.log10(most)) * (WIDTH - LEFT - 70)
  const parts: string[] = []
  let y = 16
  for (const [n, contender] of contenders.entries()) {
    parts.push(
      `<rect x="${LEFT}" y="${y - 9}" width="10" height="10" fill="${COLOURS[n % COLOURS.length]}"/><text x="${LEFT + 16}" y="${y}">${escaped(contender)}</text>`,
    )
    y += 16
  }
  y += 8
  for (const cell of cells) {
    parts.push(
      `<text x="${LEFT - 8}" y="${y + (contenders.length * BAR) / 2}" text-anchor="end">${escaped(cell)}</text>`,
    )
    for (const [n, contender] of contenders.entries()) {
      const row = find(report, contender, cell)
      if (row !== undefined)
        parts.push(
          `<rect x="${LEFT}" y="${y}" width="${wide(row.writesPerSecond).toFixed(1)}" height="${BAR - 3}" fill="${COLOURS[n % COLOURS.length]}"/><text x="${(LEFT + wide(row.writesPerSecond) + 5).toFixed(1)}" y="${y + 9}">${Math.round(row.writesPerSecond).toLocaleString('en')}</text>`,
        )
      y += BAR
    }
    y += GAP
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="11"><title>Acknowledged writes a second, logarithmic</title><rect width="100%" height="100%" fill="white"/>${parts.join('')}</svg>\n`
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
