/**
 * `npm run sim`: plays schedules until one thousand, or as many as are asked for, and says what came of them.
 *
 *   npm run sim -- --schedules 100000 --seed 7 --peers 5 --jobs 4
 *   npm run sim -- --replay 7:1234 [--peers 5] [--shrink] [--trace]
 *
 * Its script asks for collections of garbage without helpers: where every core plays, they stand in each other's way (a sixth more schedules
 * without: 107 and 103 a second with, 133 and 110 without, in turns).
 */
// As a peer's process has it.
import '../../src/v8.ts'
import { availableParallelism } from 'node:os'
import { startBar } from '../bar.ts'
import { tool, whole } from '../command.ts'
import { addTo, emptyTally, play, scheduleOf, type Campaign, type Tally } from './campaign.ts'
import { isGood, summary } from './report.ts'
import { runSchedule } from './run.ts'
import { shrink } from './shrink.ts'
import { startThread } from './thread.ts'

const SHRINK_RUNS_MAX = 2_000
const JOBS_MAX = 64
const SCHEDULES_MAX = 10_000_000
/** A share is small enough that all threads end together. */
const SHARE = 50
/** Of what was wrong, while it goes on; the end tells all. */
const PLAIN_CHARS_MAX = 160

const options = tool(
  'sim',
  'Plays schedules of clients and faults in a simulated world of whole peers, and judges what is left.',
)
  .option('--schedules <n>', 'how many', whole(1, SCHEDULES_MAX), 1_000)
  .option('--seed <text>', 'the same seed makes the same schedules', String(Date.now() % 1_000_000))
  .option('--peers <n>', 'so many in each world, 3 to 9 (default: mostly three)', whole(3, 9))
  .option('--jobs <n>', 'threads', whole(1, JOBS_MAX), availableParallelism())
  .option('--replay <seed:index>', 'one schedule again, printed step by step')
  .option('--shrink', 'with --replay: as few steps as still fail', false)
  .option('--trace', 'with --replay: each effect of each peer', false)
  .parse()
  .opts<{
    schedules: number
    seed: string
    peers?: number
    jobs: number
    replay?: string
    shrink: boolean
    trace: boolean
  }>()
const peers = options.peers ?? null

const again =
  (seed: string) =>
  (index: number): string =>
    `npm run sim -- --replay ${seed}:${index}${peers === null ? '' : ` --peers ${peers}`}`

const runMany = async (): Promise<boolean> => {
  const { schedules, seed, jobs } = options
  console.log(`seed ${seed}`)
  const sum = emptyTally()
  const started = performance.now()
  const bar = startBar('schedules', schedules, () => `${sum.failures.length} failed`)
  const told = (one: Tally): void => {
    addTo(sum, one)
    bar.add(1)
    for (const { index, violations } of one.failures)
      bar.print(`failed: ${again(seed)(index)}: ${violations[0]!.slice(0, PLAIN_CHARS_MAX)}`)
  }
  let next = 0
  const share = (): Campaign | null => {
    if (next >= schedules) return null
    const from = next
    next += Math.min(SHARE, schedules - next)
    return { seed, peers, from, count: next - from }
  }
  const work = async (): Promise<void> => {
    const thread = jobs === 1 ? null : startThread()
    for (let mine = share(); mine !== null; mine = share())
      await (thread === null ? play(mine, told) : thread.play(mine, told))
    await thread?.end()
  }
  const tell = (): void => {
    bar.stop()
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

const replay = async (place: string): Promise<boolean> => {
  const at = place.lastIndexOf(':')
  const given = scheduleOf({ seed: place.slice(0, at), peers }, Number(place.slice(at + 1)))
  const { schedule, runs } = options.shrink ? await shrink(given, SHRINK_RUNS_MAX) : { schedule: given, runs: 0 }
  console.log(JSON.stringify({ ...schedule, steps: [] }))
  for (const step of schedule.steps) console.log(JSON.stringify(step))
  const { violations, fingerprint, healMs } = await runSchedule(
    schedule,
    options.trace ? { trace: (line) => console.log(line) } : {},
  )
  console.log(`${options.shrink ? `cut down in ${runs} runs; ` : ''}healed in ${healMs} ms; fingerprint ${fingerprint}`)
  console.log(violations.length === 0 ? 'nothing is wrong' : violations.join('\n'))
  return violations.length === 0
}

process.exitCode = (await (options.replay === undefined ? runMany() : replay(options.replay))) ? 0 : 1
