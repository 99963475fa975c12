/** Recovery keys: made with the mesh, shown once, read back whole or not at all. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { publicKeyHex } from '../../crdt/signature.ts'
import { readControlLog } from './control-log.ts'
import { initMesh } from './found.ts'
import { readRecoveryKey } from './recovery-keys.ts'
import { parseRecoveryPlan } from './recovery-plan.ts'
import { withStore } from './stopped.ts'

const saying = {
  clock: { now: () => Date.UTC(2026, 0, 1) },
  random: { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
}
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mnemesh-keys-'))
})
afterEach(() => rm(root, { recursive: true }))
const recoveryIn = (dir: string, mesh: string) =>
  withStore(dir, saying.random, async (store) => readControlLog(mesh as never, store).state.recovery)

test.each([
  ['2/3', 2, 3],
  ['1/1', 1, 1],
  ['9/16', 9, 16],
  ['none', 0, 0],
])('%s is a plan', (text, threshold, count) => expect(parseRecoveryPlan(text)).toEqual({ threshold, count }))
test.each(['1/2', '2/4', '3/2', '0/0', '0/1', '9/17', '2', '2/3/4', '-2/3', ''])('%s is none', (text) =>
  expect(parseRecoveryPlan(text)).toBeNull(),
)

test('the keys that are shown are those whose public halves the genesis names, and lie in no file of the peer', async () => {
  const dir = join(root, 'a')
  const seen: string[] = []
  const made = await initMesh({
    dir,
    name: 'a',
    recovery: { threshold: 2, count: 3 },
    showKeys: async (keys) => void seen.push(...keys),
    ...saying,
  })
  expect(made.recovery).toEqual({ threshold: 2, of: 3, keys: seen })
  expect(await recoveryIn(dir, made.mesh_id)).toEqual({
    threshold: 2,
    keys: seen.map((text) => publicKeyHex(readRecoveryKey(text))),
  })
  for (const file of ['identity.json', 'mesh.json'])
    for (const key of seen) expect(await readFile(join(dir, file), 'utf8')).not.toContain(key.slice(17, 81))
})

test('an attempt that was cut short behind the genesis shows no keys again: the mesh has those that were shown', async () => {
  const dir = join(root, 'a')
  const plan = { recovery: { threshold: 1, count: 1 } }
  const made = await initMesh({ dir, name: 'a', ...plan, ...saying })
  await rm(join(dir, 'mesh.json'))
  expect(await initMesh({ dir, name: 'a', ...plan, ...saying })).toMatchObject({
    mesh_id: made.mesh_id,
    recovery: { threshold: 1, of: 1, keys: [] },
  })
})

test('no mesh is made whose keys could not be shown', async () => {
  const dir = join(root, 'a')
  await expect(
    initMesh({
      dir,
      name: 'a',
      recovery: { threshold: 1, count: 1 },
      showKeys: () => Promise.reject(new Error('the screen is gone')),
      ...saying,
    }),
  ).rejects.toThrow('the screen is gone')
  expect(await withStore(dir, saying.random, async (store) => store.arrivals())).toBe(0)
})

test('a key with any one character changed, cut or added is refused', async () => {
  const made = await initMesh({ dir: join(root, 'a'), name: 'a', recovery: { threshold: 1, count: 1 }, ...saying })
  const key = made.recovery.keys[0]!
  expect(readRecoveryKey(` ${key}\n`)).toEqual(readRecoveryKey(key))
  for (let at = 0; at < key.length; at++)
    expect(
      () => readRecoveryKey(`${key.slice(0, at)}${key[at] === '0' ? '1' : '0'}${key.slice(at + 1)}`),
      String(at),
    ).toThrow(/no recovery key|mistyped/)
  for (const text of ['', key.slice(1), key.slice(0, -1), `${key}0`])
    expect(() => readRecoveryKey(text)).toThrow('no recovery key')
})
