/**
 * `npm run power`: plants each known bug, and says which suite found it, and after how many schedules or by how many tests.
 * Exit 1 when one was not found, or when the world finds fault with the code as it is.
 *
 *   npm run power -- --schedules 4000 --seed 1 [--jobs 2] [--only TEXT]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBar } from '../bar.ts'
import { tool, whole } from '../command.ts'
import { BUGS, WORLD, type Bug } from './bugs.ts'
import type { Found } from './hunt.ts'
import { rootPath } from './swap.ts'

const HUNT_MS_MAX = 30 * 60_000
const TEXT_CHARS_MAX = 96
const JOBS_MAX = 64

const { schedules, seed, jobs, only } = tool(
  'power',
  'Plants each known bug in a build of its own, and says which suite found it, and when.',
)
  .option('--schedules <n>', 'how long the simulated world looks for each', whole(1), 4_000)
  .option('--seed <text>', 'of the schedules', '1')
  .option(
    '--jobs <n>',
    'bugs hunted side by side',
    whole(1, JOBS_MAX),
    Math.max(1, Math.floor(availableParallelism() / 2)),
  )
  .option('--only <text>', 'those bugs whose name contains it', '')
  .parse()
  .opts<{ schedules: number; seed: string; jobs: number; only: string }>()

const run = (
  args: readonly string[],
  plant: string,
): Promise<{ readonly code: number | null; readonly out: string; readonly errors: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: rootPath(),
      env: { ...process.env, MNEMESH_PLANT: plant },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: HUNT_MS_MAX,
    })
    let [out, errors] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, errors }))
  })

/** @param bug '': the code as it is. */
const huntInWorld = async (bug: string): Promise<Found> => {
  const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
  const { code, out, errors } = await run(
    [
      ...(bug === '' ? [] : ['--import', new URL('./plant.js', import.meta.url).href]),
      path('./hunt.js'),
      seed,
      String(schedules),
    ],
    bug,
  )
  if (code !== 0)
    throw new Error(`the hunt for '${bug}' ended with ${code ?? 'a signal'}: ${errors.trim().split('\n').at(-1) ?? ''}`)
  return JSON.parse(out) as Found
}

type Report = {
  readonly numTotalTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

const testWith = async ({
  name,
  suite,
}: Bug): Promise<{ readonly tests: number; readonly failed: number; readonly first: string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-power-'))
  const file = join(folder, 'report.json')
  try {
    await run(
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        suite,
        '--config',
        'property-tests/power/vitest.config.ts',
        '--reporter=json',
        `--outputFile=${file}`,
      ],
      name,
    )
    const { numTotalTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report
    const first = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .find(({ status }) => status === 'failed')
    return { tests: numTotalTests, failed: numFailedTests, first: first?.title ?? '' }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const line = (name: string, suite: string, found: string, how: string): string =>
  `${name.padEnd(58)}${suite.padEnd(46)}${found.padEnd(26)}${how.split('\n')[0]!.slice(0, TEXT_CHARS_MAX)}`

const bugs = BUGS.filter(({ name }) => name.includes(only))
let found = 0
const bar = startBar('bugs', bugs.length, () => `${found} found`)

/** Prints the bug's line of the table; whether it was found. */
const hunt = async (bug: Bug): Promise<boolean> => {
  if (bug.suite === WORLD) {
    const { schedules: after, violation } = await huntInWorld(bug.name)
    bar.print(
      line(bug.name, WORLD, violation === null ? `NOT FOUND in ${after}` : `after ${after} schedules`, violation ?? ''),
    )
    return violation !== null
  }
  const { tests, failed, first } = await testWith(bug)
  bar.print(
    line(bug.name, bug.suite, failed === 0 ? `NOT FOUND by ${tests} tests` : `by ${failed} of ${tests} tests`, first),
  )
  return failed > 0
}

const queue = [...bugs]
const work = async (): Promise<void> => {
  for (let bug = queue.shift(); bug !== undefined; bug = queue.shift()) {
    if (await hunt(bug)) found++
    bar.add(1)
  }
}
await Promise.all(Array.from({ length: jobs }, work))
bar.stop()
const sound = await huntInWorld('')
console.log(
  sound.violation === null
    ? `no bug planted: no fault in ${sound.schedules} schedules`
    : line('NO BUG PLANTED', WORLD, `after ${sound.schedules} schedules`, sound.violation),
)
console.log(`${found} of ${bugs.length} found, seed ${seed}, at most ${schedules} schedules each`)
process.exitCode = found < bugs.length || sound.violation !== null ? 1 : 0
