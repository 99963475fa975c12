/** The store in memory, held to the port's contract. */
import { expect, test } from 'vitest'
import { StoreFailure } from '../ports/store.ts'
import { commitStoreContract } from './contract.ts'
import type { TestDisk } from './contract.ts'
import { memoryDisk, openMemoryStore, placeOf } from './memory.ts'
import { chainOf, run, seeded } from './testing/samples.ts'

const random = seeded('memory')

commitStoreContract('memory', async (): Promise<TestDisk> => {
  const disk = memoryDisk()
  return {
    open: async () => openMemoryStore({ random, disk }),
    async damage(record) {
      const bytes =
        record.kind === 'commit'
          ? disk.commitByPlace.get(placeOf(record.chain, record.seq))?.commit.bytes
          : record.kind === 'body'
            ? disk.bodyByRef.get(record.ref)?.text
            : disk.factByName.get(record.name)?.value
      if (bytes === undefined) throw new Error('there is no such record to damage')
      bytes[0]! ^= 1
    },
    discard: async () => undefined,
  }
})

test('opening again without closing is a crash: the batch in flight is never there, the former store is cut off', async () => {
  const disk = memoryDisk()
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const first = openMemoryStore({ random, disk, flush: () => (disk.arrivals.length === 0 ? Promise.resolve() : held) })
  await first.write({ commits: run('a', 0, 1) })
  const inFlight = first.write({ commits: run('a', 1, 1) })
  const second = openMemoryStore({ random, disk })
  letGo()
  await expect(inFlight).rejects.toMatchObject({ code: 'closed' })
  expect(second.opening).toMatchObject({ continuable: false, epoch: first.opening.epoch })
  expect(second.arrivals()).toBe(1)
  expect(() => first.commit(chainOf('a'), 0)).toThrow(StoreFailure)
})

test('a failed flush leaves nothing of its batch; the next one goes on', async () => {
  let isFull = true
  const store = openMemoryStore({
    random,
    flush: async () => {
      if (isFull) throw new StoreFailure('disk_full', 'full')
    },
  })
  await expect(store.write({ commits: run('a', 0, 1), facts: [['f', Uint8Array.of(1)]] })).rejects.toMatchObject({
    code: 'disk_full',
  })
  expect([store.arrivals(), store.fact('f')]).toEqual([0, null])
  isFull = false
  await store.write({ commits: run('a', 0, 1) })
  expect(store.arrivals()).toBe(1)
})
