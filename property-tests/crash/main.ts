/**
 * Crash states of the store on disk, by the thousand:
 *
 *   npm run crash -- [--states N] [--seed S]
 *
 * Prints a table (family, states, whole, told, refused, failed) and each failure; exit status 1 when there was one.
 */
import { performance } from 'node:perf_hooks'
import { startBar } from '../bar.ts'
import { tool, whole } from '../command.ts'
import { folderStates, logStates } from './families.ts'
import { runStates, type Count } from './run.ts'

const STATES_DEFAULT = 20_000

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const { states: about, seed } = tool(
  'crash',
  'Opens the store from states that a crash may leave of its writes; says which it got wrong.',
)
  .option('--states <n>', 'about how many', whole(1), STATES_DEFAULT)
  .option('--seed <n>', 'the same seed makes the same states', whole(0), Date.now() % 2 ** 31)
  .parse()
  .opts<{ states: number; seed: number }>()

const startedMs = performance.now()
say(`crash: about ${about} states, seed ${seed}`)
const states = [...(await logStates(seed, about * 0.6)), ...(await folderStates(seed, about * 0.4))]
const bar = startBar('crash states', states.length)
const { byFamily, failures } = await runStates(
  states,
  () => performance.now(),
  () => bar.add(1),
)
bar.stop()
const row = (name: string, { states: count, whole, told, refused, failed, slowestMs }: Count): string =>
  [
    name.padEnd(34),
    ...[count, whole, told, refused, failed, Math.round(slowestMs)].map((cell) => String(cell).padStart(9)),
  ].join('')
say(
  `${'family'.padEnd(34)}${['states', 'whole', 'told', 'refused', 'failed', 'ms'].map((head) => head.padStart(9)).join('')}`,
)
for (const [family, count] of byFamily) say(row(family, count))
for (const failure of failures) say(failure)
say(
  `${states.length} states in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s, ${failures.length === 0 ? 'no failure' : 'FAILED'}`,
)
process.exitCode = failures.length === 0 ? 0 : 1
