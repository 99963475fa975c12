/**
 * Becoming a member is cut short at any moment, and asked for again: the folder goes on under the same key, and the mesh has one member
 * more, not two. And nothing is sealed on top of a control log that is not whole.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import type { PeerId, PublicKey } from '../../crdt/ids.ts'
import { memoryDisk, openMemoryStore } from '../store/memory.ts'
import { foundedLog, lastOf, readControlLog, sayStopped, writeControlLog } from './control-log.ts'
import { initMesh } from './found.ts'
import { joinMesh, listMembers, makeInvite, revokeMember } from './index.ts'
import { enrolment, genesis } from './statements.ts'

const saying = {
  clock: { now: () => Date.UTC(2026, 0, 1) },
  random: { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
}

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mnemesh-cut-short-'))
})
afterEach(() => rm(root, { recursive: true }))

const at = (name: string): string => join(root, name)
const invite = (): Promise<string> => makeInvite({ dir: at('first'), role: 'observer', ttl_ms: 60_000, ...saying })
const members = async (): Promise<readonly string[]> =>
  (await listMembers({ dir: at('first') })).map(({ peer_id }) => peer_id)
/** As a process leaves the folder that is killed before its log, or after. */
const cutShort = async (name: string, when: 'before its log' | 'after its log'): Promise<void> => {
  await rm(join(at(name), 'mesh.json'))
  if (when === 'before its log') await rm(join(at(name), 'log'), { recursive: true })
}

test.each(['before its log', 'after its log'] as const)(
  'a mesh whose making was cut short %s is made by the same key',
  async (when) => {
    const made = await initMesh({ dir: at('first'), name: 'first', ...saying })
    await cutShort('first', when)
    await expect(listMembers({ dir: at('first') })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('cut short'),
    })
    const again = await initMesh({ dir: at('first'), name: 'first', ...saying })
    expect(again.peer_id).toBe(made.peer_id)
    // What is in the log founds the mesh; without a log nobody has heard of it.
    expect(again.mesh_id === made.mesh_id).toBe(when === 'after its log')
    expect(await members()).toEqual([made.peer_id])
  },
)

test.each(['before its log', 'after its log'] as const)(
  'a join that was cut short %s ends as one member, by the same token or another',
  async (when) => {
    const first = await initMesh({ dir: at('first'), name: 'first', ...saying })
    const token = await invite()
    const joined = await joinMesh({ token, dir: at('second'), name: 'second', ...saying })
    for (const again of [token, await invite()]) {
      await cutShort('second', when)
      expect(await joinMesh({ token: again, dir: at('second'), name: 'other', ...saying })).toEqual(joined)
      // It is enrolled under the name that it gave first.
      expect(JSON.parse(await readFile(join(at('second'), 'mesh.json'), 'utf8'))).toMatchObject({ name: 'second' })
    }
    expect(await members()).toEqual([first.peer_id, joined.peer_id])
  },
)

test('a folder that was begun for one thing is not gone on with for another', async () => {
  await initMesh({ dir: at('first'), name: 'first', ...saying })
  await joinMesh({ token: await invite(), dir: at('second'), name: 'second', ...saying })
  await cutShort('second', 'after its log')
  await expect(initMesh({ dir: at('second'), name: 'second', ...saying })).rejects.toMatchObject({ code: 'conflict' })
  await initMesh({ dir: at('elsewhere'), name: 'elsewhere', ...saying })
  const foreign = await makeInvite({ dir: at('elsewhere'), role: 'voter', ttl_ms: 60_000, ...saying })
  await expect(joinMesh({ token: foreign, dir: at('second'), name: 'second', ...saying })).rejects.toMatchObject({
    code: 'wrong_mesh',
  })
  await cutShort('elsewhere', 'after its log')
  await expect(
    joinMesh({ token: await invite(), dir: at('elsewhere'), name: 'elsewhere', ...saying }),
  ).rejects.toMatchObject({ code: 'conflict' })
})

test('one that was taken out does not come back by joining again', async () => {
  await initMesh({ dir: at('first'), name: 'first', ...saying })
  await joinMesh({ token: await invite(), dir: at('second'), name: 'second', ...saying })
  await cutShort('second', 'after its log')
  await revokeMember({ dir: at('first'), peer: 'second', ...saying })
  await expect(joinMesh({ token: await invite(), dir: at('second'), name: 'second', ...saying })).rejects.toMatchObject(
    { code: 'conflict', message: expect.stringContaining('taken out') },
  )
})

test('nothing is sealed on top of a control log that is not whole', async () => {
  const authority = keyPairFromSeed(sha256('authority'))
  const now = saying.clock.now()
  const keys = keyPairFromSeed(sha256('founder'))
  const [founder, late] = [keys, keyPairFromSeed(sha256('late'))].map((pair) => publicKeyHex(pair) as PeerId) as [
    PeerId,
    PeerId,
  ]
  const one = foundedLog(
    genesis(saying, 'mesh', authority, [{ peer: founder, name: 'founder', role: 'voter' }]),
    authority,
  )
  const { mesh } = one.state
  const invite = {
    mesh,
    authority: publicKeyHex(authority) as PublicKey,
    id: '01'.repeat(16),
    role: 'voter' as const,
    expiresMs: now + 60_000,
    urls: [],
  }
  const disk = memoryDisk()
  const store = openMemoryStore({ random: saying.random, disk })
  // As every folder begins, and as each statement of a stopped peer is added.
  await writeControlLog(store, one, 0)
  const log = await sayStopped(
    store,
    one,
    [[enrolment(saying, one.state, { invite, peer: late, name: 'late' })]],
    { dir: '', peer: founder, keys, authority },
    now,
  )
  expect(readControlLog(mesh, store).chain.seq).toBe(2)
  disk.commitByPlace.delete(`${log.chain.id}/2`)
  expect(() => readControlLog(mesh, store)).toThrow(/damaged/)
  // What a revocation leaves of a chain ends where the chain does, not where it can be read.
  expect(await lastOf(store, log.chain.peer)).toEqual({ [log.chain.id]: 2 })
})
