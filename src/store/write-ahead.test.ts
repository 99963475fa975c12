/** A batch that stands twice in the write-ahead log: unseen, it would end the process at every start. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CommitStore } from '../ports/store.ts'
import { openLevelStore } from './level.ts'
import { run, scanAll, seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'
import { withoutRepeats } from './write-ahead.ts'

const newFolder = scratchFolders()
const random = seeded('write-ahead')
const open = (dir: string): Promise<CommitStore> => openLevelStore(dir, { random })

/** Batches small and over LevelDB's 32 KiB blocks, stopped cleanly: all of them in one log. */
const written = async (): Promise<{ readonly dir: string; readonly log: string; readonly commits: number }> => {
  const dir = newFolder()
  const store = await open(dir)
  for (let batch = 0; batch < 4; batch++) await store.write({ commits: run('a', batch * 3, 3) })
  await store.write({ commits: run('big', 0, 1, 80_000) })
  for (let batch = 4; batch < 30; batch++) await store.write({ commits: run('a', batch * 3, 3) })
  const commits = store.arrivals()
  await store.close()
  const name = readdirSync(join(dir, 'log', 'db')).find((file) => file.endsWith('.log'))!
  return { dir, log: join(dir, 'log', 'db', name), commits }
}

/** Header and data. */
const firstRecord = (log: Buffer): Buffer => log.subarray(0, 7 + log.readUInt16LE(4))

test('a log in which nothing repeats is left alone, whole, cut or damaged', async () => {
  const bytes = readFileSync((await written()).log)
  expect(withoutRepeats(bytes)).toBeNull()
  for (let cut = 0; cut < bytes.length; cut += 997) expect(withoutRepeats(bytes.subarray(0, cut))).toBeNull()
  for (let at = 0; at < bytes.length; at += 1_009) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 16
    expect(withoutRepeats(damaged)).toBeNull()
  }
})

test('the repeats are taken out, everything else is read, and it is told; what comes next is well', async () => {
  const { dir, log, commits } = await written()
  const bytes = readFileSync(log)
  const record = firstRecord(bytes)
  expect(withoutRepeats(Buffer.concat([record, record]))).toEqual({ bytes: record, repeats: 1 })
  // The second record gives way to the first; where it ended, no record begins, so its block is lost from there on.
  const damaged = Buffer.from(bytes)
  damaged.set(record, record.length)
  writeFileSync(log, damaged)

  const store = await open(dir)
  expect(store.opening).toMatchObject({ continuable: false, tail: null })
  expect(store.opening.notes.join()).toMatch(/1 batches stood twice/)
  const met = await scanAll(store)
  expect(met).toHaveLength(commits)
  expect(met.filter(({ kind }) => kind === 'commit').length).toBeGreaterThan(0)
  await store.write({ commits: run('after', 0, 2) })
  await store.close()
  const again = await open(dir)
  expect(again.opening).toMatchObject({ continuable: true, tail: null, notes: [] })
  await again.close()
})

test('batches over several blocks survive the framing anew', async () => {
  const { dir, log, commits } = await written()
  const bytes = readFileSync(log)
  // A whole log, and its first block once more behind it, at a block's edge.
  const padded = Buffer.concat([bytes, Buffer.alloc(32_768 - (bytes.length % 32_768)), bytes.subarray(0, 32_768)])
  const mended = withoutRepeats(padded)
  expect(mended?.repeats).toBeGreaterThan(3)
  writeFileSync(log, padded)
  const store = await open(dir)
  expect(store.opening.notes.join()).toMatch(/stood twice/)
  expect((await scanAll(store)).map(({ kind }) => kind)).toEqual(Array.from({ length: commits }, () => 'commit'))
  await store.close()
})
