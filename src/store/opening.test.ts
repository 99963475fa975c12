/** What the opening says about how the folder was left: incarnations, the tail, the mark. */
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import type { CommitStore } from '../ports/store.ts'
import { openLevelStore } from './level.ts'
import { chainOf, run, sampleBody, sampleCommit, scanAll, seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'
import { runTypeScript } from './testing/typescript-process.ts'

const newFolder = scratchFolders()
const random = seeded('opening')
const open = (dir: string): Promise<CommitStore> => openLevelStore(dir, { random })
const logs = (dir: string): string[] =>
  readdirSync(join(dir, 'log', 'db'))
    .filter((name) => name.endsWith('.log'))
    .map((name) => join(dir, 'log', 'db', name))

/** A folder with three batches of five commits, stopped cleanly. */
const stopped = async (): Promise<{ readonly dir: string; readonly epoch: string }> => {
  const dir = newFolder()
  const store = await open(dir)
  for (let batch = 0; batch < 3; batch++) await store.write({ commits: run('a', batch * 5, 5) })
  await store.close()
  return { dir, epoch: store.opening.epoch }
}

test('after a clean stop, and one again, the log is continuable', async () => {
  const { dir, epoch } = await stopped()
  for (let again = 0; again < 3; again++) {
    const store = await open(dir)
    expect(store.opening).toEqual({ epoch, continuable: true, tail: null, notes: [] })
    expect(existsSync(join(dir, 'log', 'clean'))).toBe(false)
    await store.close()
    expect(existsSync(join(dir, 'log', 'clean'))).toBe(true)
  }
  expect(existsSync(join(dir, 'log', 'before'))).toBe(false)
})

test('a moved folder is the same folder', async () => {
  const { dir } = await stopped()
  const elsewhere = join(newFolder(), 'moved')
  renameSync(dir, elsewhere)
  const store = await open(elsewhere)
  expect(store.opening.continuable).toBe(true)
  await store.close()
})

test('a copied folder is not continuable and begins a new epoch', async () => {
  const { dir, epoch } = await stopped()
  const copy = join(newFolder(), 'copy')
  cpSync(dir, copy, { recursive: true, preserveTimestamps: true })
  const store = await open(copy)
  expect(store.opening).toMatchObject({ continuable: false, tail: null })
  expect(store.opening.epoch).not.toBe(epoch)
  expect(store.opening.notes.join()).toMatch(/copied or restored/)
  expect(await scanAll(store)).toHaveLength(15)
  await store.close()
  const again = await open(copy)
  expect(again.opening).toEqual({ epoch: store.opening.epoch, continuable: true, tail: null, notes: [] })
  await again.close()
})

test('an old copy put back in place is not continuable and begins a new epoch', async () => {
  const { dir, epoch } = await stopped()
  const backup = join(newFolder(), 'backup')
  cpSync(dir, backup, { recursive: true, preserveTimestamps: true })
  const store = await open(dir)
  await store.write({ commits: run('a', 15, 5) })
  await store.close()
  for (const name of readdirSync(join(dir, 'log', 'db'))) rmSync(join(dir, 'log', 'db', name))
  cpSync(backup, dir, { recursive: true, preserveTimestamps: true })
  const restored = await open(dir)
  expect(restored.opening.continuable).toBe(false)
  expect(restored.opening.epoch).not.toBe(epoch)
  await restored.close()
})

test('only the database put back: the mark knows that more had arrived', async () => {
  const { dir } = await stopped()
  const backup = join(newFolder(), 'db')
  cpSync(join(dir, 'log', 'db'), backup, { recursive: true })
  const store = await open(dir)
  await store.write({ commits: run('a', 15, 5) })
  await store.close()
  rmSync(join(dir, 'log', 'db'), { recursive: true })
  cpSync(backup, join(dir, 'log', 'db'), { recursive: true })
  const restored = await open(dir)
  expect(restored.opening).toMatchObject({ continuable: false, tail: { expected: 20, found: 15 } })
  await restored.close()
})

test('a cut tail is told: fewer arrivals than the mark, a new epoch, the cut log kept aside', async () => {
  const { dir, epoch } = await stopped()
  const [log] = logs(dir)
  truncateSync(log!, readFileSync(log!).length - 100)
  const store = await open(dir)
  expect(store.opening).toMatchObject({ continuable: false, tail: { expected: 15, found: 10 } })
  expect(store.opening.epoch).not.toBe(epoch)
  expect((await scanAll(store)).map((met) => met.kind)).toEqual(Array.from({ length: 10 }, () => 'commit'))
  const [kept] = readdirSync(join(dir, 'log', 'lost'))
  expect(readdirSync(join(dir, 'log', 'lost', kept!))).toHaveLength(1)
  await store.write({ commits: run('a', 10, 5) })
  expect(store.arrivals()).toBe(15)
  await store.close()
  const again = await open(dir)
  expect(again.opening).toEqual({ epoch: store.opening.epoch, continuable: true, tail: null, notes: [] })
  await again.close()
})

test('a batch gone from the middle is told, its commits are lost by number, and come again under new numbers', async () => {
  const { dir, epoch } = await stopped()
  // Over 32 KiB, so that LevelDB finds the next block after the damaged one and goes on as if nothing were missing.
  const store = await open(dir)
  await store.write({ commits: run('a', 15, 5) })
  await store.write({ commits: run('big', 0, 1, 40_000) })
  await store.write({ commits: run('b', 0, 5) })
  await store.write({ commits: run('big', 1, 1, 40_000) })
  await store.write({ commits: run('a', 20, 1) })
  await store.close()
  const [log] = logs(dir)
  const bytes = readFileSync(log!)
  bytes[bytes.indexOf(sampleCommit('b', 1).bytes)]! ^= 1
  writeFileSync(log!, bytes)

  const damaged = await open(dir)
  expect(damaged.opening).toMatchObject({ epoch, continuable: false, tail: null })
  expect(damaged.opening.notes.join()).toMatch(/missing from the middle/)
  const met = await scanAll(damaged)
  const lost = met.filter(({ kind }) => kind === 'lost')
  expect(lost.length).toBeGreaterThanOrEqual(5)
  expect(met.at(-1)).toMatchObject({ kind: 'commit', n: damaged.arrivals(), commit: { seq: 20 } })
  await damaged.write({ commits: run('b', 0, 5) })
  expect(damaged.find(sampleCommit('b', 4).hash)).toEqual({ chain: chainOf('b'), seq: 4 })
  await damaged.close()
  const again = await open(dir)
  expect(again.opening).toMatchObject({ continuable: true, notes: [] })
  expect((await scanAll(again)).filter(({ kind }) => kind === 'lost')).toHaveLength(lost.length)
  await again.close()
})

test('one damaged slot of the mark leaves the other; none left is told', async () => {
  const { dir, epoch } = await stopped()
  const mark = join(dir, 'log', 'mark')
  const flip = (at: number): void => {
    const bytes = readFileSync(mark)
    bytes[at]! ^= 4
    writeFileSync(mark, bytes)
  }
  for (const slot of [0, 4096]) {
    flip(slot + 40)
    const store = await open(dir)
    expect(store.opening).toEqual({ epoch, continuable: true, tail: null, notes: [] })
    await store.close()
    flip(slot + 40)
  }
  flip(40)
  flip(4096 + 40)
  const store = await open(dir)
  expect(store.opening).toMatchObject({ continuable: false, tail: null })
  expect(store.opening.epoch).not.toBe(epoch)
  expect(store.opening.notes.join()).toMatch(/high-water mark is unreadable/)
  await store.close()
})

test('the database gone, the mark says how much there was', async () => {
  const { dir } = await stopped()
  rmSync(join(dir, 'log', 'db'), { recursive: true })
  const store = await open(dir)
  expect(store.opening).toMatchObject({ continuable: false, tail: { expected: 15, found: 0 } })
  await store.close()
})

test('without its CURRENT file the database is repaired, not made anew', async () => {
  const { dir } = await stopped()
  rmSync(join(dir, 'log', 'db', 'CURRENT'))
  const store = await open(dir)
  expect(store.opening.continuable).toBe(false)
  expect(store.opening.notes.join()).toMatch(/CURRENT file is missing/)
  expect((await scanAll(store)).map((met) => met.kind)).toEqual(Array.from({ length: 15 }, () => 'commit'))
  await store.close()
})

test('a table that a crash cut short in the writing is no damage: nothing names it, so nothing is missing and nothing of it is kept', async () => {
  const { dir, epoch } = await stopped()
  const first = await open(dir)
  await first.write({ commits: run('a', 15, 5) })
  await first.close()
  const db = join(dir, 'log', 'db')
  const table = readFileSync(
    join(
      db,
      readdirSync(db).find((name) => name.endsWith('.ldb'))!,
    ),
  )
  writeFileSync(join(db, '000900.ldb'), table.subarray(0, table.length - 10))
  const store = await open(dir)
  expect(store.opening).toEqual({ epoch, continuable: true, tail: null, notes: [] })
  expect((await scanAll(store)).map((met) => met.kind)).toEqual(Array.from({ length: 20 }, () => 'commit'))
  expect(existsSync(join(dir, 'log', 'lost', '000900.ldb'))).toBe(false)
  await store.close()
})

test('a second opening is refused by name, and the first goes on', async () => {
  const dir = newFolder()
  const store = await open(dir)
  await expect(open(dir)).rejects.toMatchObject({
    code: 'locked',
    message: `${dir} is in use by process ${process.pid}: stop it, or use another --data folder`,
  })
  await store.write({ commits: run('a', 0, 1) })
  await store.close()
})

test('a folder that is none is refused by name', async () => {
  const dir = join(newFolder(), 'file')
  writeFileSync(dir, 'x')
  await expect(open(dir)).rejects.toMatchObject({ name: 'Error', code: expect.stringMatching(/unreadable|io_error/) })
})

test('killed at any point, everything acknowledged is there, and the log is not continuable', async () => {
  const dir = newFolder()
  let expected = 0
  for (const acknowledged of [1, 20]) {
    const child = runTypeScript(new URL('./testing/killed-writer.ts', import.meta.url), [dir])
    const gone = once(child, 'exit')
    let last = -1
    let lines = 0
    for await (const line of createInterface(child.stdout)) {
      last = Number(line)
      if ((lines += 1) >= acknowledged) child.kill('SIGKILL')
    }
    expect(await gone).toEqual([null, 'SIGKILL'])
    const store = await open(dir)
    expect(store.opening).toMatchObject({ continuable: false, tail: null })
    expect(store.opening.notes).toEqual([])
    expect(store.arrivals()).toBeGreaterThanOrEqual(last + 4)
    expect(store.arrivals()).toBeGreaterThan(expected)
    expect((await scanAll(store)).map((met) => (met.kind === 'commit' ? met.commit : met))).toEqual(
      run('a', 0, store.arrivals()),
    )
    expect(Number(Buffer.from(store.fact('last') ?? []).toString())).toBe(store.arrivals() - 4)
    expect(store.body(sampleBody(`body ${last}`).ref)).toEqual(sampleBody(`body ${last}`))
    expected = store.arrivals()
    await store.close()
  }
}, 60_000)
