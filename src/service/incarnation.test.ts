/** Which incarnation a start writes under: the one before only where its own peer ended it. */
import { expect, test } from 'vitest'
import { incarnation as incarnationId } from '../../crdt/ids.ts'
import { StoreFailure } from '../ports/store.ts'
import { memoryDisk, openMemoryStore } from '../store/memory.ts'
import { createRandom } from '../testing/random.ts'
import { continueOrStart, endIncarnation } from './incarnation.ts'

const random = createRandom(7)
let started = 0
const fresh = () => incarnationId(++started, 0)

test('a peer that stopped cleanly goes on under the incarnation it used last', async () => {
  const disk = memoryDisk()
  const first = openMemoryStore({ random, disk })
  await continueOrStart(first, fresh)
  // A failed flush has given the first one up.
  const later = fresh()
  await endIncarnation(first, later)
  await first.close()
  expect(await continueOrStart(openMemoryStore({ random, disk }), fresh)).toBe(later)
})

test('a peer that was killed begins a new one', async () => {
  const disk = memoryDisk()
  const used = await continueOrStart(openMemoryStore({ random, disk }), fresh)
  expect(await continueOrStart(openMemoryStore({ random, disk }), fresh)).not.toBe(used)
})

test('also when somebody has looked into its folder since, and closed that cleanly', async () => {
  const disk = memoryDisk()
  const used = await continueOrStart(openMemoryStore({ random, disk }), fresh)
  await openMemoryStore({ random, disk }).close()
  const again = openMemoryStore({ random, disk })
  expect(again.opening.continuable).toBe(true)
  expect(await continueOrStart(again, fresh)).not.toBe(used)
})

test('a copied folder begins a new one, also when somebody has looked into it since, and closed that cleanly', async () => {
  const disk = memoryDisk()
  const first = openMemoryStore({ random, disk })
  const used = await continueOrStart(first, fresh)
  await endIncarnation(first, used)
  await first.close()
  // The store sees the copy by its lock file, and begins a new epoch.
  disk.epoch = null
  await openMemoryStore({ random, disk }).close()
  const again = openMemoryStore({ random, disk })
  expect(again.opening.continuable).toBe(true)
  expect(await continueOrStart(again, fresh)).not.toBe(used)
})

test('an unclean store is never continued, whatever was said before', async () => {
  const disk = memoryDisk()
  const first = openMemoryStore({ random, disk })
  const used = await continueOrStart(first, fresh)
  await endIncarnation(first, used)
  expect(await continueOrStart(openMemoryStore({ random, disk }), fresh)).not.toBe(used)
})

test('where the disk is full, a fresh one, and what was ended stays ended', async () => {
  const disk = memoryDisk()
  const first = openMemoryStore({ random, disk })
  const used = await continueOrStart(first, fresh)
  await endIncarnation(first, used)
  await first.close()
  const full = openMemoryStore({
    random,
    disk,
    flush: () => Promise.reject(new StoreFailure('disk_full', 'no space left on device')),
  })
  const meanwhile = await continueOrStart(full, fresh)
  expect(meanwhile).not.toBe(used)
  await full.close()
  expect(await continueOrStart(openMemoryStore({ random, disk }), fresh)).toBe(used)
})
