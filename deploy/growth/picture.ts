/** The figures as curves over the number of memories, each with its goal as a line. One self-contained SVG. */
import type { Figure } from './goals.ts'

export type Grown = { readonly memories: number; readonly figures: readonly Figure[] }

const [WIDTH, HEIGHT, LEFT, TOP, COLUMNS] = [310, 150, 60, 28, 3] as const
const PLOT = { width: WIDTH - LEFT - 16, height: HEIGHT - TOP - 26 }

/** @param sizes ascending; at least one. */
export const curvesOf = (sizes: readonly Grown[]): string => {
  const names = sizes[0]?.figures.map(({ name }) => name) ?? []
  const rows = Math.ceil(names.length / COLUMNS)
  const panels = names.map((_, i) => panel(sizes, i, (i % COLUMNS) * WIDTH, Math.floor(i / COLUMNS) * HEIGHT))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * COLUMNS}" height="${HEIGHT * rows}" font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="#fff"/>${panels.join('')}</svg>\n`
}

const panel = (sizes: readonly Grown[], i: number, left: number, top: number): string => {
  const points = sizes.map(({ memories, figures }) => ({ memories, figure: figures[i]! }))
  const { name, unit, goal } = points[0]!.figure
  const most = Math.max(...points.map(({ figure }) => figure.value), goal ?? 0) * 1.1 || 1
  const [low, high] = [Math.log10(points[0]!.memories), Math.log10(points.at(-1)!.memories)]
  const x = (memories: number): number =>
    Math.round(left + LEFT + (PLOT.width * (Math.log10(memories) - low)) / (high - low || 1))
  const y = (value: number): number => Math.round(top + TOP + PLOT.height * (1 - value / most))
  const label = (text: string, at: number, down: number, anchor: string, color: string): string =>
    `<text x="${at}" y="${down}" text-anchor="${anchor}" fill="${color}">${text}</text>`
  const line =
    goal === null
      ? ''
      : `<line x1="${left + LEFT}" y1="${y(goal)}" x2="${left + LEFT + PLOT.width}" y2="${y(goal)}" stroke="#b00020" stroke-dasharray="4 3"/>${label(`goal ${goal}`, left + LEFT - 4, y(goal) + 3, 'end', '#b00020')}`
  const curve = `<polyline fill="none" stroke="#36c" stroke-width="1.5" points="${points.map(({ memories, figure }) => `${x(memories)},${y(figure.value)}`).join(' ')}"/>`
  const dots = points.map(
    ({ memories, figure }) =>
      `<circle cx="${x(memories)}" cy="${y(figure.value)}" r="3" fill="${figure.met ? '#36c' : '#b00020'}"/>${label(String(figure.value), x(memories), y(figure.value) - 6, memories === points[0]!.memories && points.length > 1 ? 'start' : 'end', '#333')}${label(memories.toLocaleString('en'), x(memories), top + HEIGHT - 12, 'middle', '#666')}`,
  )
  return `${label(`${name} (${unit})`, left + 8, top + 14, 'start', '#000')}<rect x="${left + LEFT}" y="${top + TOP}" width="${PLOT.width}" height="${PLOT.height}" fill="none" stroke="#ddd"/>${line}${curve}${dots.join('')}`
}
