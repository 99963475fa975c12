/**
 * Attacks on real peers, as a table.
 *
 *   npm run attacks -- [--only ID,ID] [--quick] [--json FILE]
 *
 * Three peers whose writes need two of them; `--quick` one peer, without the rows that take long. Each row is preceded by a calm window, to which its waits
 * are a ratio. Exit status 1 when a row is open, 2 when the attacks could not be made.
 */
import { writeFile } from 'node:fs/promises'
import { tool } from '../command.ts'
import { ATTACKS } from './attacks.ts'
import { HEADING, lineOf, progressOf, type NotTried, type Report } from './report.ts'
import { openTheatre } from './theatre.ts'
import { FULL, QUICK, quiet, tryRow, type Row } from './trial.ts'

const BASELINE_MS = 2_000
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const main = async (): Promise<number> => {
  const {
    only,
    quick = false,
    json,
  } = tool('attacks', 'Attacks real peers as strangers, members, clients and operators do, and shows what they answer.')
    .option('--only <ids>', 'these rows, by id or the beginning of one, joined by commas')
    .option('--quick', 'one peer, no row that takes long or a member of its own, waits not held to their bounds')
    .option('--json <file>', 'the same as JSON')
    .parse()
    .opts<{ only?: string; quick?: boolean; json?: string }>()
  const wanted = only?.split(',') ?? null
  const attacks = ATTACKS.filter(({ id, slow, spends }) =>
    wanted === null ? !quick || (slow === undefined && spends !== true) : wanted.some((start) => id.startsWith(start)),
  )
  if (attacks.length === 0)
    throw new RangeError(`no row is named ${only}; there are ${ATTACKS.map(({ id }) => id).join(', ')}`)
  const peers = quick ? 1 : 3
  const started = new Date()
  const theatre = await openTheatre(peers)
  const rows: Row[] = []
  const notTried: NotTried[] = []
  try {
    const baseline = await quiet(theatre, BASELINE_MS)
    say(
      `${attacks.length} attacks on ${peers} ${peers === 1 ? 'peer' : 'peers'}; undisturbed the healthy client waits ${baseline.p50Ms.toFixed(0)} ms, p99 ${baseline.p99Ms.toFixed(0)}, worst ${baseline.worstMs.toFixed(0)}`,
    )
    say(`${' '.repeat(progressOf(0, attacks.length, 0).length)} ${HEADING}`)
    for (const [n, attack] of attacks.entries()) {
      const progress = progressOf(n + 1, attacks.length, Date.now() - started.getTime())
      const why = (await attack.needs?.()) ?? null
      if (why !== null) {
        notTried.push({ id: attack.id, why })
        say(`${progress} ${attack.id} NOT TRIED: ${why}`)
        continue
      }
      const row = await tryRow(attack, theatre, quick ? QUICK : FULL, quick ? baseline : null)
      rows.push(row)
      say(`${progress} ${lineOf(row)}`)
    }
  } finally {
    await theatre.dispose()
  }
  const open = rows.filter(({ faults }) => faults.length > 0).length
  const report: Report = {
    rows,
    notTried,
    open,
    peers,
    startedAt: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1_000,
  }
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 1)}\n`)
  say(
    `${rows.length} rows${notTried.length === 0 ? '' : `, ${notTried.length} not tried`} in ${report.seconds.toFixed(0)} s, ${
      open === 0
        ? 'none open'
        : `${open} open: ${rows
            .filter(({ faults }) => faults.length > 0)
            .map(({ id }) => id)
            .join(', ')}`
    }`,
  )
  return open === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`attacks: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
