/**
 * The write path beside others, on the same work in the same run:
 *
 *   npm run bench -- [--rounds N] [--seconds S] [--only ours,etcd,postgres,nats,redis] [--cells 1,16,64,bulk]
 *                    [--projection none,pglite] [--build LABEL=DIR]… [--json FILE] [--chart FILE]
 *
 * Rivals are taken from PATH, or skipped aloud; all are started and stopped here. `--build` adds another build of this project (a checkout that
 * has been built) under a label, for before and after in one run. Exit status 1 when a write failed.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { whole } from '../arguments.ts'
import type { Contender } from './contender.ts'
import { etcd } from './etcd.ts'
import { mnemesh } from './mnemesh.ts'
import { nats } from './nats.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'
import { chart, reportOf, table } from './report.ts'
import { playRounds, type Cell } from './rounds.ts'

const RIVALS = { etcd, postgres, nats, redis } as const
const CELLS: Readonly<Record<string, Cell>> = {
  1: { name: '1 client', clients: 1, bulk: 1 },
  16: { name: '16 clients', clients: 16, bulk: 1 },
  64: { name: '64 clients', clients: 64, bulk: 1 },
  bulk: { name: 'bulk of 64', clients: 1, bulk: 64 },
}
const some =
  (known: readonly string[]) =>
  (text: string): readonly string[] =>
    text.split(',').map((word) => {
      if (known.includes(word)) return word
      throw new InvalidArgumentError(`Give some of ${known.join(',')}.`)
    })
const build = (
  text: string,
  before: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] => {
  const [label, dir] = text.split('=')
  if (label === undefined || dir === undefined || label === '' || dir === '')
    throw new InvalidArgumentError('Give LABEL=DIR.')
  return [...before, [label, dir]]
}

const options = new Command('npm run bench --')
  .description(
    'Writes to three replicas each of ours and of others, in turns, and prints how fast and how dear that is.',
  )
  .allowExcessArguments(false)
  .option('--rounds <n>', 'how often each has its turn in each cell', whole(1, 100), 3)
  .option('--seconds <n>', 'of one turn', whole(1, 600), 4)
  .option('--warm <seconds>', 'of each before the first round', whole(0, 600), 8)
  .option('--only <names>', 'which', some(['ours', ...Object.keys(RIVALS)]), ['ours', ...Object.keys(RIVALS)])
  .option('--cells <names>', 'clients, or one with 64 in a request', some(Object.keys(CELLS)), Object.keys(CELLS))
  .option('--projection <kinds>', 'our search index', some(['none', 'pglite']), ['none', 'pglite'])
  .option('--build <label=dir>', 'another build of ours, beside this one', build, [])
  .option('--json <file>', 'writes all figures there')
  .option('--chart <file>', 'writes an SVG chart there')
  .parse()
  .opts<{
    rounds: number
    seconds: number
    warm: number
    only: readonly string[]
    cells: readonly string[]
    projection: readonly ('none' | 'pglite')[]
    build: readonly (readonly [string, string])[]
    json?: string
    chart?: string
  }>()

const ours = options.projection.flatMap((projection) => [
  mnemesh(projection, options.build.length > 0 ? 'this build' : ''),
  ...options.build.map(([label, dir]) => mnemesh(projection, label, join(dir, 'dist/src/cli/main.js'))),
])
const contenders: readonly Contender[] = options.only.flatMap((name): readonly Contender[] =>
  name === 'ours' ? ours : [RIVALS[name as keyof typeof RIVALS]],
)
// Told to stop, it leaves no server behind.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1))
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const result = await playRounds(
  contenders,
  options.cells.map((name) => CELLS[name]!),
  { rounds: options.rounds, ms: options.seconds * 1_000, warmMs: options.warm * 1_000, say },
)
const report = reportOf(result, {
  rounds: options.rounds,
  seconds: options.seconds,
  promises: Object.fromEntries(
    contenders.filter((one) => one.missing() === null).map(({ name, promises }) => [name, promises]),
  ),
})
process.stdout.write(`${table(report)}\n`)
if (options.json !== undefined)
  writeFileSync(options.json, `${JSON.stringify({ ...report, turns: result.rows }, null, 1)}\n`)
if (options.chart !== undefined) writeFileSync(options.chart, chart(report))
process.exitCode = report.rows.every(({ failed }) => failed === 0) ? 0 : 1
