/**
 * `npm run sim`: plays schedules until one thousand, or as many as are asked for, and says what came of them.
 *
 *   npm run sim -- --schedules 100000 --seed 7 --peers 5 --jobs 4
 *   npm run sim -- --replay 7:1234 [--peers 5] [--shrink] [--trace]
 */
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { SingleBar } from 'cli-progress'
import { addTo, emptyTally, play, scheduleOf, type Campaign, type Tally } from './campaign.ts'
import { isGood, summary } from './report.ts'
import { runSchedule } from './run.ts'
import { shrink } from './shrink.ts'

const SHRINK_RUNS_MAX = 2_000
const JOBS_MAX = 64
/** A share is small enough that all threads end together. */
const SHARE = 50
/** Of what was wrong, while it goes on; the end tells all. */
const PLAIN_CHARS_MAX = 160
const PLAIN_LINE_EVERY = 500

const usage = 'npm run sim -- [--schedules N] [--seed S] [--peers 3…9] [--jobs J]   or   --replay SEED:INDEX [--peers P] [--shrink] [--trace]'

const options = (() => {
  const { values } = parseArgs({
    options: {
      schedules: { type: 'string', default: '1000' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) }, peers: { type: 'string' }, jobs: { type: 'string', default: '1' },
      replay: { type: 'string' }, shrink: { type: 'boolean', default: false }, trace: { type: 'boolean', default: false },
    },
  })
  const whole = (name: string, text: string, min: number, max: number): number => {
    const value = Number(text)
    if (Number.isInteger(value) && value >= min && value <= max) return value
    console.error(`--${name} is a whole number, ${min} … ${max}. ${usage}`)
    process.exit(2)
  }
  return {
    ...values,
    schedules: whole('schedules', values.schedules, 1, 10_000_000), jobs: whole('jobs', values.jobs, 1, JOBS_MAX),
    peers: values.peers === undefined ? null : whole('peers', values.peers, 3, 9),
  }
})()

const again = (seed: string) => (index: number): string => `npm run sim -- --replay ${seed}:${index}${options.peers === null ? '' : ` --peers ${options.peers}`}`

const runMany = async (): Promise<boolean> => {
  const { schedules, seed, peers, jobs } = options
  console.log(`seed ${seed}`)
  const sum = emptyTally()
  const started = performance.now()
  const bar = process.stdout.isTTY ? new SingleBar({ format: '{bar} {percentage}% | {value}/{total} schedules | {failed} failed | {eta_formatted} left' }) : null
  bar?.start(schedules, 0, { failed: 0 })
  const told = (one: Tally): void => {
    addTo(sum, one)
    bar?.update(sum.schedules, { failed: sum.failures.length })
    if (bar === null) for (const { index, violations } of one.failures) console.log(`failed: ${again(seed)(index)}: ${violations[0]!.slice(0, PLAIN_CHARS_MAX)}`)
    if (bar === null && sum.schedules % PLAIN_LINE_EVERY === 0) console.log(`${sum.schedules} of ${schedules} schedules, ${sum.failures.length} failed`)
  }
  let next = 0
  const share = (): Campaign | null => {
    if (next >= schedules) return null
    const from = next
    next += Math.min(SHARE, schedules - next)
    return { seed, peers, from, count: next - from }
  }
  const work = async (): Promise<void> => {
    const thread = jobs === 1 ? null : new Worker(new URL('./worker.js', import.meta.url))
    for (let mine = share(); mine !== null; mine = share()) await (thread === null ? play(mine, told) : inThread(thread, mine, told))
    await thread?.terminate()
  }
  const tell = (): void => {
    bar?.stop()
    console.log(summary(sum, again(seed), (performance.now() - started) / 1_000))
  }
  process.once('SIGINT', () => {
    tell()
    process.exit(130)
  })
  await Promise.all(Array.from({ length: jobs }, work))
  tell()
  return isGood(sum)
}

const inThread = (thread: Worker, campaign: Campaign, told: (tally: Tally) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const hear = (message: Tally | 'done'): void => {
      if (message !== 'done') return told(message)
      thread.off('message', hear)
      thread.off('error', reject)
      resolve()
    }
    thread.on('message', hear)
    thread.once('error', reject)
    thread.postMessage(campaign)
  })

const replay = async (place: string): Promise<boolean> => {
  const at = place.lastIndexOf(':')
  const given = scheduleOf({ seed: place.slice(0, at), peers: options.peers }, Number(place.slice(at + 1)))
  const { schedule, runs } = options.shrink ? await shrink(given, SHRINK_RUNS_MAX) : { schedule: given, runs: 0 }
  console.log(JSON.stringify({ ...schedule, steps: [] }))
  for (const step of schedule.steps) console.log(JSON.stringify(step))
  const { violations, fingerprint, healMs } = await runSchedule(schedule, options.trace ? { trace: (line) => console.log(line) } : {})
  console.log(`${options.shrink ? `cut down in ${runs} runs; ` : ''}healed in ${healMs} ms; fingerprint ${fingerprint}`)
  console.log(violations.length === 0 ? 'nothing is wrong' : violations.join('\n'))
  return violations.length === 0
}

process.exitCode = (await (options.replay === undefined ? runMany() : replay(options.replay))) ? 0 : 1
