/**
 * All contenders run at once and take turns under load: a round gives each its seconds in each cell, and each round begins with another, so
 * that an hour in which the machine is busy is everybody's. The first turn of each is a warm-up and counts for nothing.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contender, Running } from './contender.ts'
import { stopAll } from '../local/daemon.ts'
import { measure, values, type Seen } from './load.ts'
import { processorSeconds } from './processor.ts'

export type Cell = { readonly name: string; readonly clients: number; readonly bulk: number }
/** @property processorSeconds of all its processes until all replicas held the same, for 1,000 writes. @property longestTurnMs null where nothing tells. */
export type Turn = Seen & {
  readonly processorSeconds: number
  readonly settledSeconds: number
  readonly longestTurnMs: number | null
}
export type Row = { readonly contender: string; readonly cell: string; readonly turns: readonly Turn[] }
export type Result = { readonly rows: readonly Row[]; readonly missing: readonly string[] }

/** The load of a warm-up. */
const WARM_CLIENTS = 16
/** What one contender and a start of it may leave behind is under this folder, and goes with it. */
const PREFIX = 'mnemesh-bench-'

export const playRounds = async (
  contenders: readonly Contender[],
  cells: readonly Cell[],
  {
    rounds,
    ms,
    warmMs,
    say,
  }: { readonly rounds: number; readonly ms: number; readonly warmMs: number; say(line: string): void },
): Promise<Result> => {
  const dir = await mkdtemp(join(tmpdir(), PREFIX))
  const running: { readonly name: string; readonly running: Running }[] = []
  const missing: string[] = []
  const turns = new Map<string, Turn[]>()
  const next = values(1)
  const keyOf = (contender: string, cell: string): string => JSON.stringify([contender, cell])
  try {
    for (const [n, contender] of contenders.entries()) {
      const why = contender.missing()
      if (why !== null) {
        missing.push(`${contender.name}: ${why}`)
        say(`skipped: ${contender.name}: ${why}`)
        continue
      }
      const folder = join(dir, String(n))
      await mkdirOpen(dir, folder)
      running.push({ name: contender.name, running: await contender.start(folder) })
      const warm = await measure(running.at(-1)!.running, WARM_CLIENTS, 1, warmMs, next)
      await running.at(-1)!.running.settled()
      say(`warm: ${contender.name}: ${Math.round(warm.writes / warm.seconds)} writes/s`)
    }
    for (let round = 0; round < rounds; round++) {
      for (const cell of cells) {
        for (let i = 0; i < running.length; i++) {
          const { name, running: one } = running[(i + round) % running.length]!
          const turn = await turnOf(one, cell, ms, next)
          const key = keyOf(name, cell.name)
          turns.set(key, [...(turns.get(key) ?? []), turn])
          say(
            `round ${round + 1}: ${name}, ${cell.name}: ${Math.round(turn.writes / turn.seconds)} writes/s, p50 ${turn.p50Ms.toFixed(2)} ms, p99 ${turn.p99Ms.toFixed(1)} ms, ${turn.processorSeconds.toFixed(2)} s of processor for 1,000${turn.failed > 0 ? `, ${turn.failed} FAILED: ${turn.firstFailure}` : ''}`,
          )
        }
      }
    }
    const rows = running.flatMap(({ name }) =>
      cells.map((cell): Row => ({ contender: name, cell: cell.name, turns: turns.get(keyOf(name, cell.name)) ?? [] })),
    )
    return { rows, missing }
  } finally {
    await stopAll(running.map(({ running: one }) => one))
    await rm(dir, { recursive: true, force: true })
  }
}

const turnOf = async (running: Running, { clients, bulk }: Cell, ms: number, next: () => string): Promise<Turn> => {
  const sinceMs = Date.now()
  const before = processorSeconds(running.pids())
  const seen = await measure(running, clients, bulk, ms, next)
  const stopped = performance.now()
  await running.settled()
  const settledSeconds = (performance.now() - stopped) / 1_000
  return {
    ...seen,
    settledSeconds,
    processorSeconds: ((processorSeconds(running.pids()) - before) * 1_000) / Math.max(1, seen.writes),
    longestTurnMs: running.longestTurn(sinceMs),
  }
}

/** Servers with accounts of their own must reach their folders. */
const mkdirOpen = async (dir: string, folder: string): Promise<void> => {
  await chmod(dir, 0o755)
  await mkdir(folder, { mode: 0o755 })
}

export const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Medians of a row's turns. */
export type Summary = {
  readonly contender: string
  readonly cell: string
  readonly writesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly processorSecondsPerThousand: number
  readonly longestTurnMs: number | null
  readonly failed: number
}

export const summary = ({ contender, cell, turns }: Row): Summary => {
  const of = (pick: (turn: Turn) => number): number => median(turns.map(pick))
  const longest = turns.map(({ longestTurnMs }) => longestTurnMs)
  return {
    contender,
    cell,
    writesPerSecond: of(({ writes, seconds }) => writes / seconds),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    processorSecondsPerThousand: of((turn) => turn.processorSeconds),
    longestTurnMs: longest.includes(null) ? null : Math.max(...longest.map(Number)),
    failed: turns.reduce((sum, { failed }) => sum + failed, 0),
  }
}
