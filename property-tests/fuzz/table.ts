/** What a run has to say: a table, and each failure with its input in hex and the line that replays it. */
import { addTally, emptyTally, type Failure, type Tally } from './run.ts'
import type { Done } from './worker.ts'

export type Summary = { readonly tallies: Map<string, Tally>; readonly grownByTarget: Map<string, number> }

export const emptySummary = (): Summary => ({ tallies: new Map(), grownByTarget: new Map() })

export const tallyOf = (summary: Summary, target: string): Tally => {
  const tally = summary.tallies.get(target) ?? emptyTally(target)
  summary.tallies.set(target, tally)
  return tally
}

export const addDone = (summary: Summary, { tally, grownBytes }: Done): void => {
  addTally(tallyOf(summary, tally.target), tally)
  summary.grownByTarget.set(tally.target, Math.max(summary.grownByTarget.get(tally.target) ?? 0, grownBytes))
}

export const addFailure = (summary: Summary, failure: Failure): void => {
  const tally = tallyOf(summary, failure.target)
  tally.failed++
  tally.failures.push(failure)
}

const REASONS_SHOWN = 4

export const renderTable = ({ tallies, grownByTarget }: Summary): string => {
  const rows = [...tallies.values()].map((tally) => {
    const reasons = Object.entries(tally.refusals).sort(([, a], [, b]) => b - a)
    const shown = reasons.slice(0, REASONS_SHOWN).map(([reason, count]) => `${reason} ${count}`)
    const more = reasons.length > REASONS_SHOWN ? [`${reasons.length - REASONS_SHOWN} more`] : []
    return [
      tally.target,
      String(tally.inputs),
      String(tally.accepted),
      tally.slowestMs.toFixed(1),
      ((grownByTarget.get(tally.target) ?? 0) / 2 ** 20).toFixed(1),
      String(tally.failed),
      [...shown, ...more].join(', '),
    ]
  })
  const sum = (pick: (tally: Tally) => number): number =>
    [...tallies.values()].reduce((total, tally) => total + pick(tally), 0)
  const foot = [
    'all',
    String(sum((t) => t.inputs)),
    String(sum((t) => t.accepted)),
    Math.max(0, ...[...tallies.values()].map((t) => t.slowestMs)).toFixed(1),
    '',
    String(sum((t) => t.failed)),
    '',
  ]
  const head = ['target', 'inputs', 'accepted', 'slowest ms', 'heap +MiB', 'failed', 'refused']
  const lines = [head, ...rows, foot]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 || column === 6 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const HEX_SHOWN = 4_000

export const renderFailure = (failure: Failure, seed: number): string => {
  const hex =
    failure.hex.length > HEX_SHOWN
      ? `${failure.hex.slice(0, HEX_SHOWN)}… (${failure.hex.length / 2} bytes)`
      : failure.hex
  return [
    `${failure.kind} in ${failure.target}, input ${failure.index}: ${failure.says}`,
    ...(hex === '' ? [] : [`  ${hex}`]),
    `  replay: npm run fuzz -- --seed ${seed} --target '${failure.target}' --index ${failure.index}`,
  ].join('\n')
}
