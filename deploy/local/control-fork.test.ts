/**
 * An old copy of the authority's folder, from when it was alone in the mesh: by itself it is a majority, so what it says is certified, and
 * the control log forks. Every member that sees both branches says so in its health, by name and with both statements, also after a restart.
 */
import { cp } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { mnemesh, mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, textIn } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const SEEN_MS = 30_000

let fleet: Fleet | null = null
afterEach(() => fleet?.dispose())

const invitedBy = async (inviter: Peer): Promise<string> =>
  (await mnemeshOk(['mesh', 'invite', '--data', inviter.dir])).trim()
/** The two statements that health names, shortened as it shows them; null while it names none. */
const forkToldBy = async (peer: Peer): Promise<readonly string[] | null> => {
  const reasons = String((await peer.health())['reasons'])
  const [, ours, theirs] = /control_forked: .*\((\w{12}) here, (\w{12}) on others\)/.exec(reasons) ?? []
  return ours === undefined || theirs === undefined ? null : [ours, theirs]
}
const forkOf = (peer: Peer): Promise<readonly string[]> =>
  until(`${peer.name} says that the control log has forked`, SEEN_MS, () => forkToldBy(peer), peer.output)

test('a copy of the folder from when its peer was alone enrols somebody else: red on all who see both, by name; what was written on the other branch counts', async () => {
  fleet = await startFleet({ names: ['a'] })
  const a = fleet.peer(0)
  await a.stop()
  const copy = await fleet.place('copy')
  await cp(a.dir, copy.dir, { recursive: true })
  await a.start()
  const [b, d] = [await fleet.place('b'), await fleet.place('d')]
  await fleet.join(b)
  await b.start()
  await fleet.linked()
  const here = await expecting(
    201,
    a.call('POST', '/memories', { body: { content: 'under the statement that is right' } }),
  )
  for (const peer of [a, b]) expect(await forkToldBy(peer)).toBeNull()
  for (const peer of [a, b]) await peer.stop()

  // Alone it is the majority of its mesh of one.
  await mnemeshOk(['mesh', 'join', await invitedBy(copy), '--data', d.dir, '--name', 'd', '--from', copy.dir])
  await copy.start()
  await d.start({ peers: [`ws://127.0.0.1:${copy.port}/mesh`] })
  await fleet.linked([copy, d].map((peer) => (peer === copy ? { ...copy, name: 'a' } : peer)))
  const there = await expecting(
    201,
    copy.call('POST', '/memories', { body: { content: 'acknowledged on the other branch' } }),
  )
  await copy.stop()
  await d.stop()

  for (const peer of [a, b]) await peer.start()
  await fleet.linked([a, b])
  await d.start({ peers: [`ws://127.0.0.1:${b.port}/mesh`] })
  const told = await Promise.all([a, b, d].map(forkOf))
  expect(new Set(told.slice(0, 2).map(String)).size).toBe(1)
  expect(told[2]).toEqual(told[0]!.toReversed())
  for (const peer of [a, b, d]) expect(await peer.health()).toMatchObject({ status: 'degraded' })
  // It is kept: d is gone, a restart forgets nothing.
  await d.stop()
  await b.stop()
  await b.start()
  expect(await forkOf(b)).toEqual(told[1])
  await fleet.linked([a, b])
  await expecting(201, b.call('POST', '/memories', { body: { content: 'members go on writing meanwhile' } }))
  for (const peer of [a, b]) await expecting(200, peer.call('GET', `/memories/${textIn(here, 'id')}`))
  const status = await mnemesh(['status', '--url', b.url])
  expect(status.stdout + status.stderr).toMatch(/control_forked/)
  expect(textIn(there, 'id')).not.toBe('')
}, 180_000)
