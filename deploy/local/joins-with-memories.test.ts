/**
 * A laptop's own peer becomes a member of the team's mesh: what its agents remembered before is found by everybody, by who wrote it, and
 * what is written afterwards waits for the mesh's quorum.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { mnemesh, mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, listIn, objectIn, textIn, type Json } from './http.ts'
import { until } from './until.ts'

const LONG_MS = 180_000
const SETTLE_MS = 60_000

let home = ''
let env: Readonly<Record<string, string>> = {}
let team: Fleet
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-laptop-'))
  env = { XDG_DATA_HOME: home }
  team = await startFleet({ names: ['a', 'b'], projection: 'pglite' })
}, LONG_MS)
afterEach(async () => {
  await mnemesh(['down'], env)
  await team.dispose()
  await rm(home, { recursive: true, force: true })
})
const json = async (words: readonly string[]): Promise<Json> =>
  JSON.parse(await mnemeshOk([...words, '--json'], env)) as Json

test(
  'mesh join TOKEN takes the peer that `up` started into the mesh with all that it remembers',
  async () => {
    await json(['up'])
    const first = textIn(await json(['store', 'The deploy key rotates on Fridays', '--agent', 'ai:alice']), 'id')
    const forgotten = textIn(await json(['store', 'A passing thought', '--agent', 'ai:alice']), 'id')
    await json(['forget', forgotten])
    const alone = objectIn(await json(['get', first]), 'memory')

    const token = (await mnemeshOk(['mesh', 'invite', '--data', team.peer(0).dir])).trim()
    const joined = await json(['mesh', 'join', token])
    expect(joined).toMatchObject({ members: 3, brought: { memories: 2 } })
    expect(existsSync(textIn(objectIn(joined, 'brought'), 'left'))).toBe(true)

    for (const peer of team.peers) {
      const there = await until(`${peer.name} has it`, SETTLE_MS, async () => {
        const { status, body } = await peer.call('GET', `/memories/${first}`)
        return status === 200 ? objectIn(body, 'memory') : null
      })
      for (const field of ['content', 'agent_id', 'created_at', 'namespace']) expect(there[field]).toEqual(alone[field])
      const listed = listIn(await expecting(200, peer.call('GET', '/memories')), 'memories')
      expect(listed.map(({ id }) => id)).toEqual([first])
    }
    // What it says is found: with the team, and here, where the search index was that of another log.
    const found = (body: Json): readonly unknown[] => listIn(body, 'memories').map(({ id }) => id)
    await until('a teammate finds it by its words', SETTLE_MS, async () => {
      const { status, body } = await team.peer(1).call('GET', '/recall?q=deploy%20key')
      return status === 200 && found(body).includes(first) ? true : null
    })
    await until('its own peer finds it by its words', SETTLE_MS, async () => {
      const { code, stdout } = await mnemesh(['recall', 'deploy key', '--json'], env)
      return code === 0 && found(JSON.parse(stdout) as Json).includes(first) ? true : null
    })
    expect(found(await json(['recall', 'passing thought']))).not.toContain(forgotten)
    // The peer was started again; its writes wait for the others now.
    await until('a write has the quorum of the mesh', SETTLE_MS, async () => {
      const { code, stdout } = await mnemesh(['store', 'Written as one of the team', '--json'], env)
      return code === 0 && Number((JSON.parse(stdout) as Json)['quorum_acks']) >= 2 ? true : null
    })
    const again = await mnemesh(['mesh', 'join', token], env)
    expect([again.code === 0, again.stderr]).toEqual([
      false,
      expect.stringContaining('is a member of this mesh already'),
    ])
    // Refused, it runs on.
    expect(objectIn(await json(['get', first]), 'memory')['content']).toBe('The deploy key rotates on Fridays')
  },
  LONG_MS,
)
