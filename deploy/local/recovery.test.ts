/**
 * A mesh that nobody governs any more, brought back by its recovery keys: of two voters one is lost for good; of three two, the one that
 * held the authority's key among them. It ends governable, all members equal, nothing that a survivor holds lost.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { mnemesh, mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, textIn, type Json } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const SEEN_MS = 20_000

let fleet: Fleet | null = null
afterEach(() => fleet?.dispose())

const keyFile = (of: Fleet, n: number): string => join(of.dir, 'recovery', `recovery-${n}.key`)
const members = async (peer: Peer): Promise<string> => {
  const { members: all } = JSON.parse(await mnemeshOk(['mesh', 'members', '--data', peer.dir, '--json'])) as {
    readonly members: readonly Json[]
  }
  return all
    .map(({ name, revoked }) => `${String(name)}${revoked === true ? ' out' : ''}`)
    .toSorted()
    .join(', ')
}
const allSay = (peers: readonly Peer[], names: string) =>
  until(
    `${peers.map(({ name }) => name).join(', ')} know ${names}`,
    SEEN_MS,
    async () => ((await Promise.all(peers.map(members))).every((said) => said === names) ? true : null),
    () => '',
  )
const joinBy = async (inviter: Peer, peer: Peer): Promise<void> => {
  const token = (await mnemeshOk(['mesh', 'invite', '--data', inviter.dir])).trim()
  await mnemeshOk(['mesh', 'join', token, '--data', peer.dir, '--name', peer.name])
}

test('of two voters one is lost for good: nothing is decided until two recovery keys have signed, as a file, then all is as before', async () => {
  fleet = await startFleet({ names: ['a', 'b'] })
  const [a, b] = [fleet.peer(0), fleet.peer(1)]
  const written = await expecting(201, a.call('POST', '/memories', { body: { content: 'acknowledged by both' } }))
  await fleet.agree()
  await b.kill()
  const refused = await mnemesh(['mesh', 'revoke', 'b', '--data', a.dir])
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/2 of 2 voters must countersign.*b cannot be reached/),
  ])
  const health = await expecting(503, a.call('GET', '/health'))
  expect(String(health['reasons'])).toMatch(/1 statement of the authority waits.*b/)
  const recover = ['mesh', 'recover', '--data', a.dir, '--without', 'b']
  const running = await mnemesh([...recover, '--key', keyFile(fleet, 1), '--key', keyFile(fleet, 2)])
  expect([running.code, running.stderr]).toEqual([1, expect.stringMatching(/in use: stop its peer/)])

  await a.stop()
  const one = await mnemesh([...recover, '--key', keyFile(fleet, 1)])
  expect([one.code, one.stderr]).toEqual([1, expect.stringMatching(/2 of the mesh's 3 recovery keys, and it has 1/)])
  expect(await members(a)).toBe('a, b')
  const file = join(fleet.dir, 'to-sign')
  await mnemeshOk([...recover, '--out', file])
  for (const n of [3, 1]) await mnemeshOk(['mesh', 'sign', file, '--key', keyFile(fleet, n)])
  await mnemeshOk(['mesh', 'submit', file, '--data', a.dir])
  // Asked again, it is done.
  await mnemeshOk(['mesh', 'submit', file, '--data', a.dir])
  expect(await members(a)).toBe('a, b out')

  await a.start()
  const c = await fleet.place('c')
  await joinBy(a, c)
  await c.start()
  await fleet.linked([a, c])
  const after = await expecting(
    201,
    c.call('POST', '/memories', { body: { content: 'acknowledged by the two that are left' } }),
  )
  await fleet.agree([a, c])
  for (const peer of [a, c])
    for (const each of [written, after]) await expecting(200, peer.call('GET', `/memories/${textIn(each, 'id')}`))
  // The lost one turns up: it is told that it is out, and decides nothing.
  await b.start()
  await allSay([a, b, c], 'a, b out, c')
  await mnemeshOk(['mesh', 'revoke', 'c', '--data', a.dir])
  await allSay([a, c], 'a, b out, c out')
}, 180_000)

test("of three voters two are lost for good, and the authority's key with them: the third governs, and its log verifies", async () => {
  fleet = await startFleet()
  const [a, b, c] = [fleet.peer(0), fleet.peer(1), fleet.peer(2)]
  const written = await expecting(201, a.call('POST', '/memories', { body: { content: 'acknowledged by all' } }))
  await fleet.agree()
  await a.kill()
  await b.kill()
  for (const { dir } of [a, b]) await rm(dir, { recursive: true })
  await c.stop()
  await mnemeshOk([
    'mesh',
    'recover',
    '--data',
    c.dir,
    '--without',
    'a',
    '--without',
    'b',
    '--key',
    keyFile(fleet, 2),
    '--key',
    keyFile(fleet, 3),
  ])
  await mnemeshOk(['verify', '--data', c.dir])
  await c.start()
  for (const name of ['d', 'e']) {
    const peer = await fleet.place(name)
    await joinBy(c, peer)
    await peer.start()
  }
  await fleet.linked()
  await fleet.agree()
  await expecting(201, c.call('POST', '/memories', { body: { content: 'goes on' } }))
  await expecting(200, c.call('GET', `/memories/${textIn(written, 'id')}`))
  expect(await members(c)).toBe('a out, b out, c, d, e')
  await mnemeshOk(['mesh', 'revoke', 'd', '--data', c.dir])
  expect(await members(c)).toBe('a out, b out, c, d out, e')
}, 180_000)
