/**
 * Real peers under load and faults:
 *
 *   npm run chaos -- [--quick] [--classes NAME,NAME] [--mix alone|pairs|mixed] [--rounds N] [--seed S] [--peers N] [--replay SEED:ROUND] [--out DIR]
 *
 * Prints a row a round, each violation, and a table of classes; exit status 1 when there was a violation or when a fault did not happen.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { whole } from '../arguments.ts'
import { PEERS_MAX, playCampaign } from './campaign.ts'
import { CLASSES, MIXES, type Mix } from './faults/classes.ts'
import type { FaultClass } from './faults/fault.ts'
import type { Projection } from './peers.ts'
import { timelineOf } from './picture.ts'
import { HEADING, markdownOf, rowOf, summaryOf, verdictOf, violationLines } from './report.ts'
import { HEALED_MS_MAX } from './rounds.ts'
import { startBar } from './bar.ts'

const SEED_MAX = 2 ** 31
const named = (text: string): readonly FaultClass[] =>
  text.split(',').map((word) => {
    const found = CLASSES.find(({ name }) => name === word.trim())
    if (found === undefined)
      throw new InvalidArgumentError(`Give some of ${CLASSES.map(({ name }) => name).join(', ')}.`)
    return found
  })
const replayed = (text: string): { readonly seed: number; readonly round: number } => {
  const [, seed, round] = /^(\d{1,10}):(\d{1,5})$/.exec(text) ?? []
  if (seed === undefined || round === undefined)
    throw new InvalidArgumentError('Give SEED:ROUND, as a report names it.')
  return { seed: Number(seed), round: Number(round) }
}

type Options = {
  readonly classes?: readonly FaultClass[]
  readonly mix: Mix
  readonly rounds?: number
  readonly seed: number
  readonly peers: number
  readonly projection: Projection
  readonly hold?: number
  readonly within: number
  readonly replay?: { readonly seed: number; readonly round: number }
  readonly quick?: boolean
  readonly keep?: boolean
  readonly out?: string
}
const options = new Command('npm run chaos --')
  .description('Runs real peers behind relays under load, does faults to them, and compares all by content.')
  .allowExcessArguments(false)
  .option('--classes <names>', 'which faults (default: all that this machine allows)', named)
  .addOption(new Option('--mix <how>', 'one class a round, two, or one to three').choices(MIXES).default('alone'))
  .option('--rounds <n>', 'how many (default: one of each class)', whole(1, 10_000))
  .option('--seed <n>', 'the same seed draws the same faults', whole(0, SEED_MAX), Date.now() % SEED_MAX)
  .option('--peers <n>', 'how many peers', whole(3, PEERS_MAX), 3)
  .addOption(
    new Option('--projection <where>', 'the search index: pglite is searched after each round, none starts faster')
      .choices(['pglite', 'none'])
      .default('pglite'),
  )
  .option('--hold <ms>', 'how long a fault lasts (default: drawn, 1.5 to 5 s)', whole(100, 60_000))
  .option(
    '--within <seconds>',
    'from the end of a fault to all being equal, searching and writing',
    whole(1, 600),
    HEALED_MS_MAX / 1_000,
  )
  .option('--replay <seed:round>', 'that round alone, with the other options as they were', replayed)
  .option('--quick', 'one round of each class with no search index')
  .option('--keep', "leave the peers' folders, and say where")
  .option('--out <dir>', 'report.md, report.json and timeline.svg are written there')
  .addHelpText(
    'after',
    `\nClasses:\n${CLASSES.map(({ name, what }) => `  ${name.padEnd(18)}${what}`).join('\n')}\n\nExample:\n  $ npm run chaos -- --classes kill-quorum,one-way --mix pairs --rounds 40 --seed 7 --out /tmp/chaos`,
  )
  .parse()
  .opts<Options>()

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const fits = ({ refusal, peersMin = 0 }: FaultClass): string | null =>
  options.peers < peersMin ? `needs ${peersMin} peers` : (refusal?.() ?? null)
const wanted = options.classes ?? CLASSES
const refused = wanted.flatMap((one) => {
  const why = fits(one)
  return why === null ? [] : [{ name: one.name, why }]
})
const [first, ...rest] = wanted.filter(({ name }) => !refused.some((one) => one.name === name))
if (first === undefined || (options.classes !== undefined && refused.length > 0)) {
  process.stderr.write(
    `error: this machine or mesh does not allow ${refused.map(({ name, why }) => `${name} (${why})`).join(', ')}: leave it out of --classes, raise --peers, or run this as root\n`,
  )
  process.exit(2)
}
for (const { name, why } of refused) say(`left out: ${name}, ${why}`)

const classes: readonly [FaultClass, ...FaultClass[]] = [first, ...rest]
const seed = options.replay?.seed ?? options.seed
const rounds = options.replay === undefined ? (options.rounds ?? classes.length) : 1
const projection: Projection = options.quick === true ? 'none' : options.projection
say(
  `chaos: ${rounds} rounds of ${classes.map(({ name }) => name).join(', ')}; ${options.mix}, ${options.peers} peers, seed ${seed}; healed within ${options.within} s or it is a violation`,
)
say(HEADING)
// Told to stop, it takes its mounts and processes down after the round under way; told twice, it ends at once.
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(1)
    stop.abort()
  })
}
const bar = startBar('rounds', rounds)
const result = await playCampaign({
  classes,
  mix: options.mix,
  first: options.replay?.round ?? 0,
  rounds,
  seed,
  peers: options.peers,
  projection,
  holdMs: options.hold ?? null,
  healedMsMax: options.within * 1_000,
  signal: stop.signal,
  ...(options.keep === true ? { keep: (dir: string) => say(`folders: ${dir}`) } : {}),
  onRound: (one) => {
    bar.print(rowOf(one))
    for (const line of violationLines(one)) bar.print(line)
    bar.add(1)
  },
}).finally(() => bar.stop())
const summary = summaryOf(result, {
  seed,
  mix: options.mix,
  peers: options.peers,
  projection,
  classes: classes.map(({ name }) => name),
  leftOut: refused,
  wanted: rounds,
})
say('')
say(markdownOf(summary))
if (options.out !== undefined) {
  await mkdir(options.out, { recursive: true })
  await writeFile(join(options.out, 'report.json'), `${JSON.stringify({ summary, ...result }, null, 1)}\n`)
  await writeFile(join(options.out, 'timeline.svg'), timelineOf(result.rounds))
  await writeFile(join(options.out, 'report.md'), `${markdownOf(summary)}\n![rounds](timeline.svg)\n`)
}
process.exitCode = verdictOf(summary).passed ? 0 : 1
