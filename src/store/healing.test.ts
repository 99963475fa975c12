/** Told that writes are taken again, they are: what the database met by itself while the disk was full is found and mended before. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startHealing } from './healing.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const enospc = () => Object.assign(new Error('000017.ldb: No space left on device'), { code: 'LEVEL_IO_ERROR' })
const open = (probe: () => Promise<void>) => {
  const scene = { free: 0, mended: 0, told: 0 }
  const healing = startHealing<never>({
    dir: 'DIR',
    freeBytes: () => scene.free,
    freeBytesMin: 10,
    attemptBytesMin: 20,
    mend: async () => void scene.mended++,
    probe,
  })
  healing.onHealed(() => void scene.told++)
  expect(() => healing.assertWritable()).toThrow(/free some space/)
  return { scene, healing }
}

test('with room again and a sound database it goes on, and nothing is opened anew', async () => {
  const { scene, healing } = open(async () => undefined)
  scene.free = 10
  await vi.advanceTimersByTimeAsync(1_000)
  expect([scene.mended, scene.told, healing.trouble()]).toEqual([0, 1, null])
})

test('a database whose own work failed on the full disk is opened anew before anybody is told, once there is room for that too', async () => {
  const { scene, healing } = open(() => Promise.reject(enospc()))
  scene.free = 10
  await vi.advanceTimersByTimeAsync(2_000)
  expect([scene.mended, scene.told, healing.trouble()?.message]).toEqual([
    0,
    0,
    expect.stringMatching(/goes on by itself/),
  ])
  scene.free = 20
  await vi.advanceTimersByTimeAsync(1_000)
  expect([scene.mended, scene.told, healing.trouble()]).toEqual([1, 1, null])
  healing.assertWritable()
})

test('a disk that is still full is not written to', async () => {
  const probe = vi.fn<() => Promise<void>>(async () => undefined)
  const { scene, healing } = open(probe)
  await vi.advanceTimersByTimeAsync(5_000)
  expect([probe.mock.calls.length, scene.told]).toEqual([0, 0])
  await healing.stop()
})
