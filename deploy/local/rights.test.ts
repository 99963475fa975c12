/** Files of a peer's folder are its owner's alone, also those that another version or a careless copy left open to others. */
import { chmod, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting } from './http.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({ names: ['a'] })
}, 60_000)
afterAll(() => fleet?.dispose())

const openToOthers = async (dir: string): Promise<readonly string[]> => {
  const found: string[] = []
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const mode = (await lstat(path)).mode & 0o777
    if ((mode & 0o077) !== 0) found.push(`${mode.toString(8)} ${path}`)
  }
  return found
}

test('what a peer makes is 0600, its folders 0700', async () => {
  const peer = fleet.peer(0)
  await expecting(201, peer.call('POST', '/memories', { body: { content: 'private' } }))
  expect((await readdir(peer.dir, { recursive: true })).length).toBeGreaterThan(10)
  expect((await lstat(peer.dir)).mode & 0o777).toBe(0o700)
  expect(await openToOthers(peer.dir)).toEqual([])
})

test('what others could read is closed to them at the next start', async () => {
  const peer = fleet.peer(0)
  await peer.stop()
  for (const entry of await readdir(peer.dir, { recursive: true, withFileTypes: true })) {
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o666)
  }
  await chmod(peer.dir, 0o755)
  expect((await openToOthers(peer.dir)).length).toBeGreaterThan(10)
  await peer.start()
  expect(await openToOthers(peer.dir)).toEqual([])
  expect((await lstat(peer.dir)).mode & 0o777).toBe(0o700)
}, 60_000)
