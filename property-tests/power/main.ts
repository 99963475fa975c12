/**
 * `npm run power`: plants each known bug, and says after how many schedules the simulated world found it. Exit 1 when one was
 * not found, or when the world finds fault with the code as it is.
 *
 *   npm run power -- --schedules 400 --seed 1 [--jobs 2]
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BUGS } from './bugs.ts'
import type { Found } from './hunt.ts'

const HUNT_MS_MAX = 30 * 60_000
const TEXT_CHARS_MAX = 110

const { values } = parseArgs({ options: { schedules: { type: 'string', default: '400' }, seed: { type: 'string', default: '1' }, jobs: { type: 'string', default: '1' } } })
const [schedules, jobs] = [Number(values.schedules), Number(values.jobs)]
if (!Number.isInteger(schedules) || schedules < 1 || !Number.isInteger(jobs) || jobs < 1 || jobs > 64) {
  console.error('npm run power -- [--schedules N] [--seed S] [--jobs 1…64]')
  process.exit(2)
}

/** @param bug null: the code as it is. */
const hunt = (bug: string | null): Promise<Found> =>
  new Promise((resolve, reject) => {
    const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
    const planted = bug === null ? [] : ['--import', new URL('./plant.js', import.meta.url).href]
    const child = spawn(process.execPath, [...planted, path('./hunt.js'), values.seed, String(schedules)], { env: { ...process.env, MNEMESH_PLANT: bug ?? '' }, stdio: ['ignore', 'pipe', 'pipe'], timeout: HUNT_MS_MAX })
    let [out, errors] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(JSON.parse(out) as Found) : reject(new Error(`the hunt for '${bug ?? 'nothing'}' ended with ${code ?? 'a signal'}: ${errors.trim().split('\n').at(-1) ?? ''}`))))
  })

const line = (name: string, { schedules: after, violation }: Found): string =>
  `${name.padEnd(56)}${violation === null ? 'NOT FOUND in' : 'found after'} ${String(after).padStart(5)}  ${(violation ?? '').split('\n')[0]!.slice(0, TEXT_CHARS_MAX)}`

const queue = [...BUGS]
let missed = 0
const work = async (): Promise<void> => {
  for (let bug = queue.shift(); bug !== undefined; bug = queue.shift()) {
    const found = await hunt(bug.name)
    if (found.violation === null) missed++
    console.log(line(bug.name, found))
  }
}
await Promise.all(Array.from({ length: jobs }, work))
const sound = await hunt(null)
console.log(sound.violation === null ? `no bug planted: no fault in ${sound.schedules} schedules` : line('NO BUG PLANTED', sound))
console.log(`${BUGS.length - missed} of ${BUGS.length} found, seed ${values.seed}, at most ${schedules} schedules each`)
process.exitCode = missed > 0 || sound.violation !== null ? 1 : 0
