/**
 * An operator's mistakes with members: each is refused with its mend, and leaves the mesh as it was.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeInvite } from '../../crdt/invite.ts'
import { limits } from '../../crdt/limits.ts'
import { factsOfStatements, keptStatements, keyOfStatement } from '../replica/kept-statements.ts'
import { keepAddresses, readIdentity } from './folder.ts'
import { initMesh } from './found.ts'
import { joinMesh, listMembers, makeInvite, raiseLevel, revokeMember, tellOfInvite } from './index.ts'
import { withStore } from './stopped.ts'

const saying = {
  clock: { now: () => Date.UTC(2026, 0, 1) },
  random: { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) },
}
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mnemesh-mistakes-'))
  await initMesh({ dir: at('first'), name: 'first', ...saying })
})
afterEach(() => rm(root, { recursive: true }))

const at = (name: string): string => join(root, name)
const invite = (): Promise<string> => makeInvite({ dir: at('first'), role: 'observer', ttl_ms: 60_000, ...saying })
const joinAs = async (folder: string, name: string, token?: string) =>
  joinMesh({ token: token ?? (await invite()), dir: at(folder), name, ...saying })
const revoke = (peer: string, force = false) => revokeMember({ dir: at('first'), peer, force, ...saying })
const active = async () =>
  (await listMembers({ dir: at('first') })).filter(({ revoked }) => !revoked).map(({ name }) => name)

test('the peer with the authority key is not taken out but by force, by whichever of its names', async () => {
  const [{ peer_id } = { peer_id: '' }] = await listMembers({ dir: at('first') })
  for (const name of ['first', peer_id, peer_id.slice(0, 8)])
    await expect(revoke(name)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/authority.*nobody can be invited.*--force/),
    })
  expect(await active()).toEqual(['first'])
  expect(await revoke('first', true)).toMatchObject({ name: 'first' })
  expect(await active()).toEqual([])
})

test('a second member of one name is refused, and the same token enrols it under another; who was taken out leaves its name', async () => {
  await joinAs('b', 'paris')
  const token = await invite()
  await expect(joinAs('c', 'paris', token)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/called paris already.*same token.*--name/),
  })
  expect(await joinAs('c', 'lyon', token)).toMatchObject({ members: 3, applied: ['first'], not_yet: [] })
  const out = await revoke('paris')
  await joinAs('d', 'paris')
  expect(await active()).toEqual(['first', 'lyon', 'paris'])
  // The name now means the one that is a member.
  expect((await revoke('paris')).peer_id).not.toBe(out.peer_id)
})

test('the level is raised to none that this program, or a voter that never ran, does not read; a level that is none is named', async () => {
  const level = (to: number) => raiseLevel({ dir: at('first'), level: to, offline: true, ...saying })
  await expect(level(2)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/not all voters read it: first reads up to level 1; upgrade/),
  })
  await joinMesh({
    token: await makeInvite({ dir: at('first'), role: 'voter', ttl_ms: 60_000, ...saying }),
    dir: at('b'),
    name: 'paris',
    ...saying,
  })
  await expect(level(2)).rejects.toMatchObject({
    message: expect.stringContaining('first reads up to level 1, paris has not told what it reads;'),
    fields: {
      voters_below: [
        { name: 'first', reads: 1 },
        { name: 'paris', reads: null },
      ],
    },
  })
  await expect(level(1)).rejects.toMatchObject({ code: 'malformed', message: expect.stringContaining('from 2 to 16') })
  for (const none of [0, 17, 1.5, Number.NaN]) await expect(level(none)).rejects.toMatchObject({ code: 'malformed' })
})

test('what an invite says can be told as facts, with the voters that know the mesh as it is', async () => {
  const token = await invite()
  expect(await tellOfInvite({ dir: at('first'), token, wait: true })).toEqual({
    token,
    mesh_id: decodeInvite(token)!.mesh,
    role: 'observer',
    expires_at: '2026-01-01T00:01:00.000Z',
    urls: [],
    applied: ['first'],
    not_yet: [],
  })
})

test('of several that a word may mean each is named with its id', async () => {
  await joinAs('b', 'paris')
  const [, member] = await listMembers({ dir: at('first') })
  await joinAs('c', member!.peer_id.slice(0, 8))
  await expect(revoke(member!.peer_id.slice(0, 8))).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(`paris ${member!.peer_id.slice(0, 12)}`),
  })
})

test('a folder that was taken out is told what it is, though its own log does not know', async () => {
  await joinAs('b', 'paris')
  await expect(joinAs('b', 'paris')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('member of this mesh already'),
  })
  await keepAddresses(at('b'), {
    own: [],
    others: [],
    started: ['--port', '7702', '--host', '10.0.0.2', '--key-file', '/etc/my keys'],
  })
  await expect(joinAs('b', 'paris')).rejects.toMatchObject({
    message: expect.stringContaining(
      `\`mnemesh serve --data ${at('b')} --port 7702 --host 10.0.0.2 --key-file '/etc/my keys'\``,
    ),
  })
  await revoke('paris')
  await expect(joinAs('b', 'paris')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/taken out.*another folder/),
  })
})

test('an enrolment that waits for votes and was lost where it was kept is asked for again by the same join', async () => {
  await joinMesh({
    token: await makeInvite({ dir: at('first'), role: 'voter', ttl_ms: 60_000, ...saying }),
    dir: at('b'),
    name: 'paris',
    ...saying,
  })
  const token = await invite()
  expect(await joinAs('c', 'lyon', token)).toMatchObject({ proposed: true })
  const waiting = () => withStore(at('first'), saying.random, async (store) => keptStatements(store))
  const [said] = await waiting()
  await withStore(at('first'), saying.random, (store) =>
    store.write({ facts: factsOfStatements([], new Set([keyOfStatement(said!)])) }),
  )
  expect(await waiting()).toEqual([])
  const [identity, log] = [await readIdentity(at('c')), await listMembers({ dir: at('c') })]
  expect(await joinAs('c', 'lyon', token)).toMatchObject({
    proposed: true,
    peer_id: identity!.peer,
    not_yet: ['paris'],
  })
  expect(await waiting()).toMatchObject([[{ kind: 'peer.enrol', peer: identity!.peer, name: 'lyon' }]])
  // What it has is as it was, and it asks no third thing.
  expect([await readIdentity(at('c')), await listMembers({ dir: at('c') })]).toEqual([identity, log])
  expect(await joinAs('c', 'lyon', token)).toMatchObject({ proposed: true })
  expect(await waiting()).toHaveLength(1)
})

test("an invite tells the inviter's own addresses and those of others, no more than a token holds; who joins keeps them", async () => {
  const urls = (many: number, host: string) =>
    Array.from({ length: many }, (_, n) => `http://${host}-${n}.invalid:7701`)
  await keepAddresses(at('first'), { own: urls(2, 'own'), others: urls(40, 'other'), started: [] })
  const told = decodeInvite(await invite())!.urls
  expect(told).toHaveLength(limits.invite_urls_told_max)
  expect(told.slice(0, 3)).toEqual([...urls(2, 'own'), 'http://other-0.invalid:7701'])
  await keepAddresses(at('first'), { own: ['http://127.0.0.1:1'], others: ['http://127.0.0.1:2'], started: [] })
  await joinAs('b', 'paris')
  expect(JSON.parse(await readFile(join(at('b'), 'mesh.json'), 'utf8'))).toMatchObject({
    peers: ['ws://127.0.0.1:1/mesh', 'ws://127.0.0.1:2/mesh'],
  })
})

test('the longest addresses leave a token within its length', async () => {
  const long = Array.from(
    { length: 40 },
    (_, n) => `http://${String(n).padStart(3, '0')}${'a'.repeat(limits.address_url_bytes_max - 10)}`,
  )
  await keepAddresses(at('first'), { own: [], others: long, started: [] })
  const token = await invite()
  expect(token.length).toBeLessThanOrEqual(limits.invite_bytes_max)
  expect(decodeInvite(token)?.urls).toHaveLength(limits.invite_urls_told_max)
})
