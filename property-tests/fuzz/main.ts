/**
 * Fuzzing of everything that reads bytes from outside.
 *
 *   npm run fuzz -- [--inputs N] [--seed S] [--target T] [--jobs J]     a run: every target, or those whose name contains T
 *   npm run fuzz -- --seed S --target T --index I                       one input again
 *
 * Prints progress, a table, and each failure with its input and the line that replays it; exit status 1 when there was one.
 * A replay of a target that keeps state begins at its last opening, as the run did.
 */
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { startBar } from '../bar.ts'
import { tool, whole } from '../command.ts'
import { runJobs } from './jobs.ts'
import { chunksOf, type Chunk } from './plan.ts'
import { createFeeder, emptyTally } from './run.ts'
import { addDone, addFailure, emptySummary, renderFailure, renderTable, type Summary } from './table.ts'
import type { Target } from './target.ts'
import { TARGETS } from './targets.ts'
import { serveChunks, type Done } from './worker.ts'

const INPUTS_DEFAULT = 200_000
const JOBS_MAX = 64

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const main = async (): Promise<number> => {
  const { seed, target, index, inputs, jobs } = tool(
    'fuzz',
    'Feeds made-up and damaged bytes to everything that reads bytes from outside.',
  )
    .option('--inputs <n>', 'how many, shared among the targets', whole(1), INPUTS_DEFAULT)
    .option('--seed <n>', 'the same seed makes the same inputs', whole(0), Date.now() % 2 ** 31)
    .option(
      '--target <text>',
      `only those whose name contains it, of ${TARGETS.map(({ name }) => name).join(', ')}`,
      '',
    )
    .option('--jobs <n>', 'processes', whole(1, JOBS_MAX), availableParallelism())
    .option('--index <n>', 'one input again, of --seed and --target', whole(0))
    .parse()
    .opts<{ inputs: number; seed: number; target: string; jobs: number; index?: number }>()
  const targets = TARGETS.filter(({ name }) => name.includes(target))
  if (targets.length === 0)
    throw new RangeError(`no target is named ${target}; there are ${TARGETS.map(({ name }) => name).join(', ')}`)
  if (index !== undefined) return replay(TARGETS.find(({ name }) => name === target) ?? targets[0]!, seed, index)
  return run(targets, seed, inputs, jobs)
}

const run = async (targets: readonly Target[], seed: number, inputs: number, jobs: number): Promise<number> => {
  const summary = emptySummary()
  const chunks = chunksOf(targets, inputs)
  const total = chunks.reduce((sum, { from, to }) => sum + to - from, 0)
  const startedMs = performance.now()
  say(`fuzz: ${total} inputs over ${targets.length} targets, seed ${seed}, ${jobs} jobs`)
  const bar = startBar('fuzz', total, () => `${tallied(summary, 'failed')} failed`)
  const onDone = (done: Done): void => {
    const before = tallied(summary, 'inputs')
    addDone(summary, done)
    bar.add(tallied(summary, 'inputs') - before)
  }
  try {
    await runJobs(chunks, {
      script: fileURLToPath(import.meta.url),
      seed,
      jobs,
      onDone,
      onDeath: (failure) => addFailure(summary, failure),
    })
  } finally {
    bar.stop()
  }
  say(renderTable(summary))
  const failures = [...summary.tallies.values()].flatMap((tally) => tally.failures)
  for (const failure of failures) say(renderFailure(failure, seed))
  say(
    `${tallied(summary, 'inputs')} inputs in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s, ${failures.length === 0 ? 'no failure' : `${failures.length} failures`}`,
  )
  return failures.length === 0 ? 0 : 1
}

const tallied = ({ tallies }: Summary, what: 'inputs' | 'failed'): number =>
  [...tallies.values()].reduce((sum, tally) => sum + tally[what], 0)

const replay = async (target: Target, seed: number, index: number): Promise<number> => {
  const from = target.inputsPerOpening === undefined ? index : index - (index % target.inputsPerOpening)
  const feeder = createFeeder(target, seed, () => performance.now())
  const tally = emptyTally(target.name)
  await feeder.run(from, index + 1, tally)
  await feeder.close()
  for (const failure of tally.failures) say(renderFailure(failure, seed))
  say(
    `${target.name}, seed ${seed}, input ${index}: accepted ${tally.accepted}, refused ${JSON.stringify(tally.refusals)}, slowest ${tally.slowestMs.toFixed(1)} ms`,
  )
  return tally.failures.length === 0 ? 0 : 1
}

const work = ([seed = '', box = '']: readonly string[]): void => {
  const worker = serveChunks(Number(seed), box, (done) => process.send?.(done))
  const fail = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  }
  process.on('message', (chunk: Chunk) => {
    worker.receive(chunk).catch(fail)
  })
  process.on('disconnect', () => {
    worker.close().then(() => process.exit(0), fail)
  })
}

if (process.argv[2] === '--worker') work(process.argv.slice(3))
else {
  try {
    process.exitCode = await main()
  } catch (error) {
    process.stderr.write(`fuzz: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  }
}
