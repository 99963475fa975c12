/** The embedded database's folder while it is written: its write-ahead log stays small, nobody else may read it, and a killed one opens soon. */
import { spawn } from 'node:child_process'
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { embedded, wordy } from './testing/worker.ts'
import { batch, cursor } from './testing/rows.ts'

const MIB = 2 ** 20
const WAL_BYTES_MAX = 80 * MIB
const LOOK_MS = 5
/** Without checkpoints they leave some 110 MiB of write-ahead log. */
const BATCHES = 3
const ROWS = 256
const WORDS = 300

const root = mkdtempSync(join(tmpdir(), 'mnemesh-files-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const walBytes = (dir: string): number => {
  try {
    return readdirSync(join(dir, 'pglite', 'pg_wal')).reduce(
      (sum, name) => sum + (statSync(join(dir, 'pglite', 'pg_wal', name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    )
  } catch {
    // Not made yet.
    return 0
  }
}
const everything = (dir: string): readonly string[] =>
  ['', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })].map((name) => join(dir, name))
/** Paths that others have rights to. */
const open = (dir: string): readonly string[] => everything(dir).filter((path) => (lstatSync(path).mode & 0o077) !== 0)

it('its write-ahead log stays below 80 MiB, what it made is private, and what was there becomes so', async () => {
  const dir = join(root, 'filled')
  let projection = embedded(dir)
  await projection.open()
  expect(open(dir)).toEqual([])
  let most = 0
  const looking = setInterval(() => {
    most = Math.max(most, walBytes(dir))
  }, LOOK_MS)
  for (let n = 0; n < BATCHES; n++) await projection.apply(batch(n + 1, { memories: wordy(n * ROWS, ROWS, WORDS) }))
  clearInterval(looking)
  expect(most).toBeGreaterThan(4 * MIB)
  expect(most).toBeLessThan(WAL_BYTES_MAX)
  const files = everything(dir).length
  expect(files).toBeGreaterThan(400)
  expect(open(dir)).toEqual([])
  await projection.close()
  expect(open(dir)).toEqual([])

  for (const path of everything(dir)) chmodSync(path, lstatSync(path).isDirectory() ? 0o777 : 0o666)
  projection = embedded(dir)
  expect(await projection.open()).toEqual(cursor(BATCHES))
  expect(open(dir)).toEqual([])
  await projection.close()
}, 300_000)

/** Fills until the log is as long as it gets and waits to be killed, or opens and closes; tells of its opening. */
const PROGRAM = `
  import { readdirSync } from 'node:fs'
  import { embedded, wordy } from '${new URL('../../dist/src/projection/testing/worker.js', import.meta.url).href}'
  import { batch } from '${new URL('../../dist/src/projection/testing/rows.js', import.meta.url).href}'
  const [dir, files] = process.argv.slice(2)
  const before = process.cpuUsage()
  const projection = embedded(dir)
  const at = (await projection.open())?.arrival ?? 0
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ at, ms: (user + system) / 1000 }))
  if (files === '0') await projection.close()
  else for (let n = at + 1; ; n++) {
    await projection.apply(batch(n, { memories: wordy(n * 64, 64, 100) }))
    if (readdirSync(dir + '/pglite/pg_wal').length > Number(files)) {
      console.log(JSON.stringify({ filled: n }))
      setInterval(() => undefined, 1000)
      break
    }
  }
  if (files === '0') process.exit(0)
`
type Told = { readonly at?: number; readonly ms?: number; readonly filled?: number }
/** Runs it; kills it with SIGKILL once it has filled. Answers what it told. */
const run = (dir: string, files: number): Promise<Told> =>
  new Promise((resolve, reject) => {
    const file = join(root, 'program.mjs')
    writeFileSync(file, PROGRAM)
    const child = spawn(process.execPath, [file, dir, String(files)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let told: Told = {}
    let failed = ''
    child.stderr.on('data', (chunk: Buffer) => (failed += chunk.toString()))
    child.stdout.on('data', (chunk: Buffer) => {
      for (const line of chunk
        .toString()
        .split('\n')
        .filter((text) => text.startsWith('{')))
        told = { ...told, ...(JSON.parse(line) as Told) }
      if (told.filled !== undefined) child.kill('SIGKILL')
    })
    child.once('exit', (code) => (code === 0 || told.filled !== undefined ? resolve(told) : reject(new Error(failed))))
  })

it('a process that is killed with a long write-ahead log opens again, whole, within twice the time of a clean start', async () => {
  const dir = join(root, 'killed')
  await run(dir, 0)
  const { filled } = await run(dir, 22)
  const recovered = await run(dir, 0)
  const clean = [await run(dir, 0), await run(dir, 0)]
  expect(recovered.at).toBe(filled)
  // Of processor time: what else the machine does is not its fault.
  expect(recovered.ms).toBeLessThan(2 * Math.max(...clean.map(({ ms }) => ms!)))
  process.stdout.write(
    `opening: ${Math.round(recovered.ms!)} ms of processor time after a kill, ${clean.map(({ ms }) => Math.round(ms!)).join(', ')} clean\n`,
  )
}, 300_000)

it('something else in its place is named, with the mend, and left alone; without it all goes on', async () => {
  const dir = join(root, 'replaced')
  writeFileSync(dir, 'somebody put a file here')
  const projection = embedded(dir)
  await expect(projection.open()).rejects.toMatchObject({
    rebuild: false,
    message: expect.stringMatching(/replaced is no folder: remove it, and the rows are made anew from the log$/),
  })
  await expect(projection.open()).rejects.toThrow(/is no folder/)
  expect(statSync(dir).isFile()).toBe(true)
  rmSync(dir)
  expect(await projection.open()).toBeNull()
  await projection.apply(batch(1, { memories: wordy(0, 1, 3) }))
  // And while it runs.
  rmSync(dir, { recursive: true })
  writeFileSync(dir, 'again')
  await expect(projection.apply(batch(2, { memories: wordy(1, 1, 3) }))).rejects.toThrow(/is no folder/)
  rmSync(dir)
  expect(await projection.open()).toBeNull()
  await projection.close()
}, 300_000)
