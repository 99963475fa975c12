/**
 * Opening anew after a write that failed: whatever LevelDB left of it, the store holds what it held before, and is read all the
 * while. What a failed write may leave is made as LevelDB makes it: its record, whole or cut, behind the log's end.
 */
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lastKey, openPlain } from './database.ts'
import type { Database } from './database.ts'
import { openFolder } from './folder.ts'
import { openLevelStore } from './level.ts'
import { liveDatabase } from './live-database.ts'
import { openPlanner } from './plan.ts'
import type { Plan } from './plan.ts'
import { letters, META_KEY, rangeOf, readMeta, readTrail, trailKey } from './records.ts'
import { reopen } from './reopen.ts'
import { run, sampleBody, sampleCommit, seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'

const newFolder = scratchFolders()
const random = seeded('reopen')
const BATCHES = 3
const [kept, gone, late] = [sampleBody('kept'), sampleBody('gone'), sampleBody('late')]

/** New commits and one that is replaced, a text that comes and two that go, facts that come, change and go. */
const FAILED = {
  commits: [...run('a', 6, 2), { ...sampleCommit('a', 2), bytes: Uint8Array.of(9) }, sampleCommit('a', 3, 50, 7)],
  bodies: [late],
  erase: [gone.ref, sampleBody('never here').ref],
  facts: [
    ['changed', Uint8Array.of(2)],
    ['removed', null],
    ['new', Uint8Array.of(3)],
  ] as const,
}

const contents = async (db: Database): Promise<string> => {
  const lines: string[] = []
  for await (const [key, value] of db.iterator({})) lines.push(`${key.toString('hex')} ${value.toString('hex')}`)
  return lines.join('\n')
}

const put = async (db: Database, { puts, dels }: Plan): Promise<void> => {
  const batch = db.batch()
  for (const { key, value } of puts) batch.put(key, value)
  for (const key of dels) batch.del(key)
  await batch.write({ sync: true })
}

/** A folder in use, its database open; and what LevelDB would append to its log for the batch that fails. */
const inUse = async () => {
  const dir = newFolder()
  const store = await openLevelStore(dir, { random })
  await store.write({
    commits: run('a', 0, 2),
    bodies: [kept, gone],
    facts: [
      ['changed', Uint8Array.of(1)],
      ['removed', Uint8Array.of(1)],
    ],
  })
  for (let batch = 1; batch < BATCHES; batch++) await store.write({ commits: run('a', 2 * batch, 2) })
  await store.close()

  const folder = openFolder(dir)
  const live = liveDatabase(await openPlain(folder.db))
  const last = (await lastKey(live.db, rangeOf(letters.trail)))!
  const extent = readTrail(last, live.db.getSync(last)!)!
  // Something in the log before the record that fails, so that the end of the log is not its beginning.
  await live.db.batch().put(Buffer.from('f before'), Buffer.alloc(900)).write({ sync: true })
  const elsewhere = join(newFolder(), 'db')
  cpSync(folder.db, elsewhere, { recursive: true })
  const copy = await openPlain(elsewhere)
  const plan = await openPlanner(copy, extent).plan(FAILED, { erased: true, dropped: false })
  await put(copy, plan)
  await copy.close()
  const logIn = (path: string): string =>
    join(
      path,
      readdirSync(path).find((name) => name.endsWith('.log'))!,
    )
  const record = readFileSync(logIn(elsewhere))
  return {
    folder,
    live,
    extent,
    plan,
    record,
    log: logIn(folder.db),
    before: await contents(live.db),
    epoch: readMeta(live.db.getSync(META_KEY)!)!.epoch,
    end: async () => live.current().close(),
  }
}

test('the record that is appended here is what LevelDB reads as the batch: without an inverse it is there', async () => {
  const world = await inUse()
  appendFileSync(world.log, world.record)
  await expect(reopen(world.folder, world.live, world, null)).rejects.toMatchObject({
    code: 'unreadable',
    message: expect.stringMatching(/does not end where it did/),
  })
  await world.end()
  const seen = await openPlain(world.folder.db)
  expect(seen.getSync(trailKey(world.extent.batches + 1))).toBeDefined()
  await seen.close()
})

test('whole or cut anywhere, the batch that failed is gone when the database is open anew, and all else is as it was', async () => {
  const world = await inUse()
  const { length } = world.record
  expect(length).toBeGreaterThan(1_000)
  await world.end()
  for (const cut of [0, 1, 6, 7, 8, 20, length >> 1, length - 1, length]) {
    const state = await inUse()
    appendFileSync(state.log, state.record.subarray(0, cut))
    await reopen(state.folder, state.live, state, state.plan)
    expect(state.live.current().location, `${cut} bytes`).toBe(state.folder.db)
    expect(await contents(state.live.db), `${cut} bytes`).toBe(state.before)
    expect([existsSync(state.folder.reading), existsSync(state.folder.before)]).toEqual([false, false])
    await put(state.live.db, state.plan)
    await state.end()
    const again = await openPlain(state.folder.db)
    expect(again.getSync(trailKey(state.extent.batches + 1)), `${cut} bytes`).toBeDefined()
    await again.close()
  }
})

test('an attempt that fails half-way leaves what is read as it was, and the next one goes on', async () => {
  const world = await inUse()
  appendFileSync(world.log, world.record)
  // Links are made and read from; then the logs can not be set aside.
  writeFileSync(world.folder.before, 'in the way')
  await expect(reopen(world.folder, world.live, world, world.plan)).rejects.toThrow(/EEXIST|ENOTDIR/)
  expect(world.live.current().location).toBe(world.folder.reading)
  expect(await contents(world.live.db)).toBe(world.before)
  rmSync(world.folder.before)
  await reopen(world.folder, world.live, world, world.plan)
  expect(world.live.current().location).toBe(world.folder.db)
  expect(await contents(world.live.db)).toBe(world.before)
  await world.end()
})

test('links to tables do not let the second database write into the first: every byte of a table is as it was', async () => {
  const world = await inUse()
  const tables = (): ReadonlyMap<string, Buffer> =>
    new Map(
      readdirSync(world.folder.db)
        .filter((name) => name.endsWith('.ldb'))
        .map((name) => [name, readFileSync(join(world.folder.db, name))]),
    )
  const before = tables()
  expect(before.size).toBeGreaterThan(0)
  appendFileSync(world.log, world.record)
  await reopen(world.folder, world.live, world, world.plan)
  for (const [name, bytes] of tables()) if (before.has(name)) expect(bytes.equals(before.get(name)!), name).toBe(true)
  expect(statSync(join(world.folder.db, [...before.keys()][0]!)).nlink).toBe(1)
  await world.end()
})
