/**
 * Machines whose clocks are wrong, with real peers: whose clock it is writes nothing and says so, the others go on, and when it is right
 * again all goes on by itself. A process's clock is set by `shifted-clock.cjs`.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const YEAR_MS = 365 * 86_400_000
/** Its clock is read every 50 ms; others read it once a second. */
const SEEN_MS = 15_000

let fleet: Fleet
let [a, b, c]: readonly Peer[] = []
beforeAll(async () => {
  fleet = await startFleet({ names: ['a', 'b', 'c'] })
  ;[a, b, c] = fleet.peers
}, 120_000)
afterAll(() => fleet?.dispose())

const write = (peer: Peer, content: string, more = '') => peer.call('POST', `/memories${more}`, { body: { content } })
const refused = (peer: Peer) =>
  until(`${peer.name} writes nothing`, SEEN_MS, async () => {
    const { status, body } = await write(peer, 'of another time')
    return status === 503 && body['error'] === 'clock_off' ? body : null
  })

test.each([
  ['a year ahead', YEAR_MS],
  ['a year behind', -YEAR_MS],
  ['an hour ahead', 3_600_000],
])(
  'a peer %s writes nothing and says so, the others go on with its disk; right again it writes within seconds',
  async (_name, aheadMs) => {
    c!.setClock(aheadMs)
    expect(await refused(c!)).toMatchObject({
      local_committed: false,
      message: expect.stringMatching(/this peer's clock is (365 days|60 min) (ahead of|behind) the voters'/),
    })
    const health = await expecting(503, c!.call('GET', '/health'))
    expect([health['writes'], String(health['reasons'])]).toEqual([false, expect.stringMatching(/set the clock right/)])
    await until('a says whose clock it is', SEEN_MS, async () =>
      /the clock of c is/.test(String((await a!.health())['reasons'])) ? true : null,
    )
    for (const peer of [a!, b!]) expect((await write(peer, `of ${peer.name}`, '?quorum=3')).status).toBe(201)
    c!.setClock(0)
    const from = performance.now()
    await until('c writes', SEEN_MS, async () => ((await write(c!, 'right again')).status === 201 ? true : null))
    expect(performance.now() - from).toBeLessThan(5_000)
    await fleet.agree()
  },
  120_000,
)

test('a peer that starts with a wrong clock seals nothing before it has met the others', async () => {
  await b!.stop()
  b!.setClock(YEAR_MS)
  await b!.start()
  const { status, body } = await write(b!, 'early')
  expect([status, body['error'], body['local_committed']]).toEqual([503, 'clock_off', false])
  b!.setClock(0)
  await until('b writes', SEEN_MS, async () => ((await write(b!, 'right again')).status === 201 ? true : null))
  await fleet.agree()
}, 120_000)

test('the authority takes nobody in or out by a wrong clock', async () => {
  const late = await fleet.place('late')
  // With what a last heard of b, which was a year ahead until now, two of three would be.
  await until('a doubts nobody', SEEN_MS, async () => (String((await a!.health())['reasons']) === '' ? true : null))
  a!.setClock(YEAR_MS)
  await refused(a!)
  await expect(fleet.join(late)).rejects.toThrow(/clock/)
  a!.setClock(0)
  let answer: unknown
  await until(
    'a writes',
    SEEN_MS,
    async () => {
      const { status, body } = await write(a!, 'right again')
      answer = body
      return status === 201 ? true : null
    },
    () => JSON.stringify(answer),
  )
  await fleet.join(late)
  await late.start()
  await fleet.linked()
  await fleet.agree()
}, 120_000)
