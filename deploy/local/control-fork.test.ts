/**
 * An old copy of the authority's folder, from when it was alone in the mesh: by itself it is a majority, so what it says is certified, and
 * the control log forks. Every member that sees both branches says so in its health, by name and with both statements; recovery keys begin an epoch behind the last common statement, which all follow.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, textIn } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const SEEN_MS = 30_000

let fleet: Fleet | null = null
afterEach(() => fleet?.dispose())

const write = async (peer: Peer, content: string): Promise<string> =>
  textIn(await expecting(201, peer.call('POST', '/memories', { body: { content } })), 'id')
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

test('a copy of the folder from when its peer was alone enrols somebody else: red on all who see both, by name, until recovery keys begin an epoch; all end equal and governable, and nothing is lost', async () => {
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
  const texts = [await write(a, 'under the statement that is right')]
  expect(await Promise.all([a, b].map(forkToldBy))).toEqual([null, null])

  // Alone it is the majority of its mesh of one.
  await a.stop()
  await mnemeshOk(['mesh', 'join', await invitedBy(copy), '--data', d.dir, '--name', 'd', '--from', copy.dir])
  await copy.start()
  await d.start({ peers: [`ws://127.0.0.1:${copy.port}/mesh`] })
  await fleet.linked([{ ...copy, name: 'a' }, d])
  texts.push(await write(copy, 'acknowledged on the other branch'), await write(d, 'by who is a member there alone'))
  await copy.stop()
  await d.stop()

  await a.start()
  await d.start({ peers: [`ws://127.0.0.1:${b.port}/mesh`] })
  const told = await Promise.all([a, b, d].map(forkOf))
  expect([told[1], told[2]]).toEqual([told[0], told[0]!.toReversed()])
  for (const peer of [a, b, d]) expect(await peer.health()).toMatchObject({ status: 'degraded' })
  texts.push(await write(b, 'members go on writing meanwhile'))

  await a.stop()
  const keys = [1, 3].flatMap((n) => ['--key', join(fleet!.dir, 'recovery', `recovery-${n}.key`)])
  const recovered = await mnemeshOk(['mesh', 'recover', '--data', a.dir, '--with', 'd', ...keys, '--json'])
  expect(JSON.parse(recovered)).toMatchObject({ behind: 1, said_again: 1, waiting: [], in_force: false })
  await a.start()
  await fleet.linked([a, b, d])
  await fleet.agree([a, b, d])
  for (const peer of [a, b, d]) {
    expect(await forkToldBy(peer)).toBeNull()
    for (const id of texts) await expecting(200, peer.call('GET', `/memories/${id}`))
  }
  // Governable: what is said now holds everywhere.
  await mnemeshOk(['mesh', 'revoke', 'd', '--data', a.dir])
  await until('b knows that d is out', SEEN_MS, async () =>
    /"name":"d"[^}]*"revoked":true/.test(await mnemeshOk(['mesh', 'members', '--data', b.dir, '--json'])) ? true : null,
  )
  await write(b, 'and the mesh goes on')
}, 180_000)
