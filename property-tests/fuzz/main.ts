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
import { parseArgs } from 'node:util'
import { runJobs } from './jobs.ts'
import { chunksOf, type Chunk } from './plan.ts'
import { createFeeder, emptyTally } from './run.ts'
import { addDone, addFailure, emptySummary, renderFailure, renderTable, type Summary } from './table.ts'
import type { Target } from './target.ts'
import { TARGETS } from './targets.ts'
import { serveChunks } from './worker.ts'

const INPUTS_DEFAULT = 200_000
const PROGRESS_EVERY_MS = 5_000

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const main = async (): Promise<number> => {
  const { values } = parseArgs({ options: { inputs: { type: 'string' }, seed: { type: 'string' }, target: { type: 'string' }, jobs: { type: 'string' }, index: { type: 'string' } } })
  const seed = whole('seed', values.seed, 0) ?? Date.now() % 2 ** 31
  const targets = TARGETS.filter(({ name }) => name.includes(values.target ?? ''))
  if (targets.length === 0) throw new RangeError(`no target is named ${values.target}; there are ${TARGETS.map(({ name }) => name).join(', ')}`)
  const index = whole('index', values.index, 0)
  if (index !== null) return replay(TARGETS.find(({ name }) => name === values.target) ?? targets[0]!, seed, index)
  return run(targets, seed, whole('inputs', values.inputs, 1) ?? INPUTS_DEFAULT, whole('jobs', values.jobs, 1) ?? availableParallelism())
}

const run = async (targets: readonly Target[], seed: number, inputs: number, jobs: number): Promise<number> => {
  const summary = emptySummary()
  const chunks = chunksOf(targets, inputs)
  const total = chunks.reduce((sum, { from, to }) => sum + to - from, 0)
  const startedMs = performance.now()
  say(`fuzz: ${total} inputs over ${targets.length} targets, seed ${seed}, ${jobs} jobs`)
  const showing = setInterval(() => say(progress(summary, total, performance.now() - startedMs)), PROGRESS_EVERY_MS)
  try {
    await runJobs(chunks, { script: fileURLToPath(import.meta.url), seed, jobs, onDone: (done) => addDone(summary, done), onDeath: (failure) => addFailure(summary, failure) })
  } finally {
    clearInterval(showing)
  }
  say(renderTable(summary))
  const failures = [...summary.tallies.values()].flatMap((tally) => tally.failures)
  for (const failure of failures) say(renderFailure(failure, seed))
  const fed = [...summary.tallies.values()].reduce((sum, tally) => sum + tally.inputs, 0)
  say(`${fed} inputs in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s, ${failures.length === 0 ? 'no failure' : `${failures.length} failures`}`)
  return failures.length === 0 ? 0 : 1
}

const progress = ({ tallies }: Summary, total: number, elapsedMs: number): string => {
  const all = [...tallies.values()]
  const fed = all.reduce((sum, tally) => sum + tally.inputs, 0)
  return `${Math.floor((100 * fed) / total)} %  ${fed} of ${total} inputs, ${Math.round((1_000 * fed) / elapsedMs)} a second, ${all.reduce((sum, tally) => sum + tally.failed, 0)} failed`
}

const replay = async (target: Target, seed: number, index: number): Promise<number> => {
  const from = target.inputsPerOpening === undefined ? index : index - (index % target.inputsPerOpening)
  const feeder = createFeeder(target, seed, () => performance.now())
  const tally = emptyTally(target.name)
  await feeder.run(from, index + 1, tally)
  await feeder.close()
  for (const failure of tally.failures) say(renderFailure(failure, seed))
  say(`${target.name}, seed ${seed}, input ${index}: accepted ${tally.accepted}, refused ${JSON.stringify(tally.refusals)}, slowest ${tally.slowestMs.toFixed(1)} ms`)
  return tally.failures.length === 0 ? 0 : 1
}

const whole = (name: string, text: string | undefined, min: number): number | null => {
  if (text === undefined) return null
  const value = Number(text.replaceAll('_', ''))
  if (!Number.isSafeInteger(value) || value < min) throw new RangeError(`--${name} is a whole number from ${min} on, not ${text}`)
  return value
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
