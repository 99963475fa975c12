/**
 * Members that come, watch and go: joining through a running and a stopped inviter, late arrivals, observers, revocation.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, listIn, textIn, textsOf, type Json } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const CUT_MS = 5_000

let fleet: Fleet
let a: Peer
let b: Peer
beforeAll(async () => {
  fleet = await startFleet({ names: ['a', 'b'], quorumTimeoutMs: 1_500 })
  a = fleet.peer(0)
  b = fleet.peer(1)
}, 90_000)
afterAll(() => fleet?.dispose())

const write = (peer: Peer, content: string, query = '') =>
  peer.call('POST', `/memories${query}`, { body: { content, namespace: 'members' } })
const writeOk = (peer: Peer, content: string): Promise<Json> => expecting(201, write(peer, content))
const has = async (peer: Peer, written: Json): Promise<boolean> =>
  (await peer.call('GET', `/memories/${textIn(written, 'id')}`)).status === 200
const membersOf = async (peer: Peer): Promise<readonly Json[]> => {
  const { members } = JSON.parse(await mnemeshOk(['mesh', 'members', '--data', peer.dir, '--json'])) as {
    readonly members: readonly Json[]
  }
  return members
    .map(({ peer_id, name, role, revoked }) => ({ peer_id, name, role, revoked }))
    .toSorted((x, y) => String(x.peer_id).localeCompare(String(y.peer_id)))
}
const voters = (receipt: Json): readonly unknown[] =>
  listIn(receipt['receipt'] as Json, 'acks').map(({ voter }) => voter)
const peersOf = async (peer: Peer): Promise<readonly Json[]> =>
  listIn(await expecting(200, peer.call('GET', '/peers')), 'peers')

test('a peer that joins later gets everything, also when the inviter is stopped while it joins', async () => {
  const before = [await writeOk(a, 'from before, by a'), await writeOk(b, 'from before, by b')]
  const c = await fleet.place('c')
  await a.stop()
  // Kept there until the voters can countersign it.
  await mnemeshOk([
    'mesh',
    'join',
    (await mnemeshOk(['mesh', 'invite', '--data', a.dir])).trim(),
    '--data',
    c.dir,
    '--name',
    c.name,
  ])
  await a.start()
  await until('b knows c', CUT_MS * 4, async () => (textsOf(await membersOf(b), 'name').includes('c') ? true : null))
  // It joined where nobody ran, so it has to be told of one; that one tells it of the others.
  await c.start({ peers: [`ws://127.0.0.1:${b.port}/mesh`] })
  await fleet.linked([a, b, c])
  await fleet.agree([a, b, c])
  for (const one of before) expect(await has(c, one)).toBe(true)

  const late = await fleet.place('d')
  await fleet.join(late)
  await late.start()
  await fleet.linked([a, b, c, late])
  await fleet.agree([a, b, c, late])
  for (const one of before) expect(await has(late, one)).toBe(true)
  const members = await membersOf(a)
  expect(textsOf(members, 'name')).toEqual(['a', 'b', 'c', 'd'])
  for (const peer of [b, c, late]) {
    expect(await membersOf(peer)).toEqual(members)
    for (const other of [a, b, c, late]) {
      await until(`${peer.name} knows where ${other.name} is`, CUT_MS, async () => {
        const addresses = (await peersOf(peer)).find(({ name }) => name === other.name)?.['addresses']
        return JSON.stringify(addresses) === JSON.stringify([`ws://127.0.0.1:${other.port}/mesh`]) ? true : null
      })
    }
  }
  expect((await late.health())['quorum']).toBe(2)
  // Out while they can countersign it: two of the voters that are left are enough for what follows.
  for (const gone of [late, c]) {
    await mnemeshOk(['mesh', 'revoke', gone.name, '--data', a.dir])
    await gone.stop()
  }
}, 120_000)

test('an observer holds everything and does not count', async () => {
  const watcher = await fleet.place('watcher')
  await fleet.join(watcher, ['--role', 'observer'])
  await watcher.start()
  await fleet.linked([a, b, watcher])
  expect((await peersOf(a)).find(({ name }) => name === 'watcher')?.['role']).toBe('observer')
  const watcherId = (await watcher.health())['peer_id']

  const counted = await writeOk(a, 'two voters and an observer')
  expect(voters(counted)).not.toContain(watcherId)
  await fleet.agree([a, b, watcher])
  // With b away only the observer could make up the number.
  await b.kill()
  const alone = await write(a, 'one voter and an observer')
  expect(alone.status).toBe(503)
  expect(alone.body).toMatchObject({ error: 'quorum_not_met', got: 1, needed: 2, local_committed: true })
  await until('the observer has it nevertheless', CUT_MS, async () => ((await has(watcher, alone.body)) ? true : null))
  await b.start()
  await fleet.linked([a, b, watcher])
  // It takes no writes, says so at once, and is well.
  const from = performance.now()
  const byWatcher = await write(watcher, 'by an observer')
  expect([byWatcher.status, byWatcher.body]).toEqual([
    403,
    expect.objectContaining({
      error: 'observer_may_not_write',
      local_committed: false,
      message: expect.stringContaining('write to a voter'),
    }),
  ])
  expect(performance.now() - from).toBeLessThan(1_000)
  const health = await expecting(200, watcher.call('GET', '/health'))
  expect([health['status'], health['writes'], String(health['reasons'])]).toEqual([
    'ok',
    false,
    expect.stringContaining('observer'),
  ])
  await fleet.agree([a, b, watcher])
  await watcher.stop()
}, 60_000)

test('a revoked member is cut off at once, its writes reach nobody, and its acks do not count', async () => {
  const e = await fleet.place('e')
  await fleet.join(e)
  await e.start()
  await fleet.linked([a, b, e])
  const before = await writeOk(e, 'while it was a member')
  await fleet.agree([a, b, e])

  const from = performance.now()
  await mnemeshOk(['mesh', 'revoke', 'e', '--data', a.dir])
  for (const peer of [a, b]) {
    await until(`${peer.name} has cut e`, CUT_MS, async () => {
      const found = (await peersOf(peer)).find(({ name }) => name === 'e')
      return found?.['revoked'] === true && found['link'] !== 'up' ? true : null
    })
  }
  expect(performance.now() - from).toBeLessThan(CUT_MS)

  const after = await write(e, 'after it was taken out', '?quorum=1')
  // b away: a and e were two voters once.
  await b.kill()
  const alone = await write(a, 'the ack of a revoked member')
  expect([alone.status, alone.body['got']]).toEqual([503, 1])
  await b.start()
  await fleet.linked([a, b])
  const counted = await writeOk(a, 'two are left')
  expect(voters(counted)).not.toContain((await e.health())['peer_id'])
  await fleet.agree([a, b])
  for (const peer of [a, b]) {
    expect(await has(peer, before)).toBe(true)
    if (after.body['id'] !== undefined) expect(await has(peer, after.body)).toBe(false)
    expect((await membersOf(peer)).find(({ name }) => name === 'e')?.['revoked']).toBe(true)
  }
  expect(await has(e, counted)).toBe(false)
}, 60_000)
