/** G8: an erased text is gone from the disk, not only from reads. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from './database.ts'
import { openFolder } from './folder.ts'
import { openLevelStore } from './level.ts'
import { bodyEntry, erasedKey, purgeKey } from './records.ts'
import { run, sampleBody, seeded } from './testing/samples.ts'
import { scratchFolders } from './testing/scratch.ts'

const newFolder = scratchFolders()
const random = seeded('purge')

const filesWith = (dir: string, text: Uint8Array): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
    (name) => statSync(join(dir, name)).isFile() && readFileSync(join(dir, name)).includes(Buffer.from(text)),
  )

const [young, old, kept] = [sampleBody('young', 400), sampleBody('old', 400), sampleBody('kept', 400)]

test('texts erased while still in the write-ahead log, and texts long in a table, leave no file that holds them, also when given again', async () => {
  const dir = newFolder()
  const first = await openLevelStore(dir, { random })
  await first.write({ bodies: [old, kept] })
  await first.close()
  const second = await openLevelStore(dir, { random })
  await second.write({ commits: run('a', 0, 20), bodies: [young] })
  expect(filesWith(dir, old.text)).toHaveLength(1)
  expect(filesWith(dir, young.text)).toHaveLength(1)
  await second.write({ erase: [old.ref, young.ref] })
  await second.close()
  expect(filesWith(dir, old.text)).toEqual([])
  expect(filesWith(dir, young.text)).toEqual([])
  expect(filesWith(dir, kept.text)).toHaveLength(1)
  const third = await openLevelStore(dir, { random })
  expect([third.body(old.ref), third.body(young.ref), third.body(kept.ref)]).toEqual(['erased', 'erased', kept])
  await third.write({ bodies: [young] })
  await third.close()
  expect(filesWith(dir, young.text)).toEqual([])
})

test('more erasures than one turn of work, while writes go on', async () => {
  const dir = newFolder()
  const store = await openLevelStore(dir, { random })
  const bodies = Array.from({ length: 40 }, (_, i) => sampleBody(`many ${i}`, 100))
  await store.write({ bodies })
  await store.write({ erase: bodies.slice(0, 38).map(({ ref }) => ref) })
  for (let seq = 0; seq < 20; seq++) await store.write({ commits: run('a', seq, 1) })
  await store.close()
  for (
    let opening = 0;
    opening < 4 && bodies.slice(0, 38).some(({ text }) => filesWith(dir, text).length > 0);
    opening++
  ) {
    await (await openLevelStore(dir, { random })).close()
  }
  expect(bodies.slice(0, 38).filter(({ text }) => filesWith(dir, text).length > 0)).toEqual([])
  expect(filesWith(dir, bodies[39]!.text)).toHaveLength(1)
})

test('written and erased in one session of a new store', async () => {
  const dir = newFolder()
  const store = await openLevelStore(dir, { random })
  await store.write({ bodies: [young] })
  await store.write({ erase: [young.ref] })
  await store.close()
  expect(filesWith(dir, young.text)).toEqual([])
})

test('the work of erasing is taken up again after a crash in the middle', async () => {
  const dir = newFolder()
  const { db } = await openDatabase(openFolder(dir))
  const body = bodyEntry(old)
  await db.put(body.key, body.value, { sync: true })
  await db
    .batch()
    .del(body.key)
    .put(erasedKey(old.ref), Buffer.alloc(0))
    .put(purgeKey(old.ref), Buffer.alloc(0))
    .write({ sync: true })
  await db.close()
  expect(filesWith(dir, old.text)).not.toEqual([])
  const store = await openLevelStore(dir, { random })
  expect(store.body(old.ref)).toBe('erased')
  await store.close()
  // A log without its own record is not taken for a whole one: what it was before opening is kept.
  expect(filesWith(dir, old.text).filter((name) => !name.startsWith(join('log', 'lost')))).toEqual([])
})
