/** How far the control log goes is remembered on disk; where a start cannot write it, that is told, and the next flush does. */
import { expect, test } from 'vitest'
import type { MeshId, PeerId } from '../../crdt/ids.ts'
import { StoreFailure } from '../ports/store.ts'
import { memoryDisk, openMemoryStore } from '../store/memory.ts'
import { controlSeen } from './control-seen.ts'
import { createLogIndex } from './log-index.ts'
import { createMayWrite } from './may-write.ts'

const random = { bytes: (count: number) => new Uint8Array(count) }
const unforked = { isFrozen: () => false }

test('a start whose disk refuses says so, and the next flush makes good for it', async () => {
  const disk = memoryDisk()
  let refuses = true
  const store = openMemoryStore({
    random,
    disk,
    flush: () =>
      refuses ? Promise.reject(new StoreFailure('disk_full', 'no space left on device')) : Promise.resolve(),
  })
  const index = createLogIndex('ab'.repeat(32) as MeshId)
  index.control = { ...index.control, seq: 2 }
  const mayWrite = createMayWrite(index, unforked, store, 'cd'.repeat(32) as PeerId)

  expect(await mayWrite.restore()).toContain('no space left on device')
  expect([controlSeen(store), mayWrite.isControlWhole()]).toEqual([0, true])
  refuses = false
  const facts = mayWrite.factsAfter([])
  await store.write({ facts })
  mayWrite.persisted()
  expect([controlSeen(store), mayWrite.factsAfter([])]).toEqual([2, []])
  // The next start finds it, and has nothing to write.
  refuses = true
  expect(await createMayWrite(index, unforked, store, 'cd'.repeat(32) as PeerId).restore()).toBeNull()
})
