/**
 * What tables of chains are for, with real peers: a member with more chains than one page holds is taken out; one whose clock was a year
 * ahead leaves that behind, writes it again, and goes on.
 */
import { afterEach, expect, test } from 'vitest'
import { mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, listIn, textIn, type Json } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const YEAR_MS = 365 * 86_400_000
const SEEN_MS = 20_000
const NAMESPACES = 15
const KILLS = 9

let fleet: Fleet
afterEach(() => fleet?.dispose())

const write = async (peer: Peer, content: string, namespace: string, query = ''): Promise<Json> =>
  expecting(201, peer.call('POST', `/memories${query}`, { body: { content, namespace } }))
const read = (peer: Peer, id: string, query = '') => peer.call('GET', `/memories/${id}${query}`)
const membersOf = async (peer: Peer): Promise<readonly Json[]> =>
  listIn(await expecting(200, peer.call('GET', '/peers')), 'peers')

test(`a member that was killed ${KILLS} times in ${NAMESPACES} namespaces is taken out: members stay equal, nothing acknowledged is lost`, async () => {
  fleet = await startFleet({ names: ['a', 'b', 'c'] })
  const [a, b, c] = [fleet.peer(0), fleet.peer(1), fleet.peer(2)]
  const ids: string[] = []
  for (let life = 0; life <= KILLS; life++) {
    const made = await Promise.all(
      Array.from({ length: NAMESPACES }, (_, i) => write(c, `life ${life} in ${i}`, `ns-${i}`, '?quorum=2')),
    )
    ids.push(...made.map((each) => textIn(each, 'id')))
    if (life === KILLS) break
    await c.kill()
    await c.start()
    await fleet.linked()
  }
  await fleet.agree()
  expect(await mnemeshOk(['mesh', 'revoke', 'c', '--data', a.dir])).toMatch(/^revoked c [0-9a-f]{12}\napplied by a, b/)
  await until('b has cut c', SEEN_MS, async () =>
    (await membersOf(b)).find(({ name }) => name === 'c')?.['revoked'] === true ? true : null,
  )
  await fleet.agree([a, b])
  for (const peer of [a, b]) for (const id of ids) expect((await read(peer, id)).status).toBe(200)
  // A peer that starts from its disk reads the same table.
  await b.stop()
  await b.start()
  await fleet.linked([a, b])
  await fleet.agree([a, b])
  await write(b, 'goes on', 'ns-0', '?quorum=2')
  expect((await read(b, ids[0]!)).status).toBe(200)
}, 300_000)

test('what was written with a clock a year ahead is left behind and written again; the peer stays a member', async () => {
  fleet = await startFleet({ names: ['a', 'b', 'c'] })
  const [a, b, c] = [fleet.peer(0), fleet.peer(1), fleet.peer(2)]
  const old = textIn(await write(c, 'of before', 'clocks', '?quorum=3'), 'id')
  // Alone it believes its clock.
  await Promise.all([a.stop(), b.stop(), c.stop()])
  c.setClock(YEAR_MS)
  await c.start()
  const early = await until('c writes alone', SEEN_MS, async () => {
    const { status, body } = await c.call('POST', '/memories?quorum=1', {
      body: { content: 'of next year', namespace: 'clocks' },
    })
    return status === 201 ? textIn(body, 'id') : null
  })
  await expecting(200, c.call('PATCH', `/memories/${old}?quorum=1`, { body: { priority: 9 } }))
  await c.stop()
  c.setClock(0)
  await Promise.all([a.start(), b.start(), c.start()])
  await fleet.linked()
  // Right again, and stuck.
  const stuck = await c.call('PATCH', `/memories/${old}?quorum=1`, { body: { priority: 7 } })
  expect([stuck.status, stuck.body['error']]).toEqual([503, 'clock_off'])
  expect((await read(a, early)).status).toBe(404)

  expect(await mnemeshOk(['mesh', 'leave-behind', 'c', '--data', a.dir])).toMatch(
    /^c [0-9a-f]{12} leaves behind what it wrote in the future, and writes it again\n/,
  )
  await until('a has it', SEEN_MS, async () => ((await read(a, early)).status === 200 ? true : null))
  await fleet.agree()
  for (const peer of [a, b, c]) {
    expect((await read(peer, early)).body).toMatchObject({ memory: { content: 'of next year' } })
    expect((await read(peer, old)).body).toMatchObject({ memory: { content: 'of before', priority: 9 } })
  }
  await expecting(200, c.call('PATCH', `/memories/${old}?quorum=3`, { body: { priority: 7 } }))
  await fleet.agree()
  for (const peer of [a, b, c]) expect((await peer.health())['status']).toBe('ok')
  expect((await membersOf(a)).find(({ name }) => name === 'c')?.['revoked']).toBe(false)
}, 120_000)
