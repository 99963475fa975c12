/**
 * An old backup put back into a mesh that went on: everything that the others have comes back, nothing forks, and what was erased since is
 * erased again before anything is shown.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mnemesh, mnemeshOk } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, listIn, textIn } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const SEEN_MS = 30_000
const SECRET = 'the launch code is 4711-erase-me'

let fleet: Fleet
let [a, b, c]: readonly Peer[] = []
beforeAll(async () => {
  fleet = await startFleet({ names: ['a', 'b', 'c'] })
  ;[a, b, c] = fleet.peers
}, 120_000)
afterAll(() => fleet?.dispose())

const store = async (peer: Peer, content: string): Promise<string> =>
  textIn(await expecting(201, peer.call('POST', '/memories?quorum=3', { body: { content } })), 'id')
const filesWith = (dir: string, text: string): readonly string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text))

test('restored from before an erasure it shows nothing alone, erases, catches up, and writes on without a fork', async () => {
  const secret = await store(a!, SECRET)
  const kept = await store(c!, 'kept from before the backup')
  await fleet.agree()
  const to = join(fleet.dir, 'backups')
  const made = JSON.parse(await mnemeshOk(['backup', 'create', '--data', c!.dir, '--to', to, '--json'])) as {
    readonly backup: string
  }
  await mnemeshOk(['backup', 'verify', to])
  expect(await mnemeshOk(['backup', 'list', to])).toContain(made.backup)
  // What the backup does not know: c itself says more on its chain, and a text is destroyed.
  const later = await store(c!, 'said by c after the backup')
  await expecting(200, a!.call('DELETE', `/memories/${secret}?erase=true&quorum=3`))
  await fleet.agree()

  for (const peer of [a!, b!, c!]) await peer.stop()
  await rm(c!.dir, { recursive: true })
  await mnemeshOk(['backup', 'restore', to, '--data', c!.dir])
  expect((await mnemesh(['backup', 'restore', to, '--data', c!.dir])).stderr).toMatch(/is not empty/)
  expect(filesWith(join(c!.dir, 'log'), SECRET)).not.toEqual([])
  await c!.start()
  const shown = async (path: string): Promise<number> => (await c!.call('GET', path)).status
  const paths = [
    `/memories/${secret}`,
    `/memories/${kept}`,
    `/memories/${secret}/history`,
    '/memories',
    '/events',
    '/recall?q=code',
    `/graph?from=${kept}`,
  ]
  expect(await Promise.all(paths.map(shown))).toEqual(paths.map(() => 503))
  expect(String((await c!.health())['reasons'])).toMatch(/restored from a backup.*2 other voters/)
  // An erasure may have been acknowledged by the two others alone, or by this one and either of them.
  await a!.start()
  await fleet.linked([a!, c!])
  expect((await c!.call('GET', `/memories/${secret}`)).body['error']).toBe('not_ready')
  await b!.start()
  const first = await until(
    'c shows what it has',
    SEEN_MS,
    async () => {
      const [status, body] = await c!
        .call('GET', `/memories/${secret}`)
        .then(({ status: got, body: answer }) => [got, answer] as const)
      return status === 503 ? null : { status, body }
    },
    () => c!.output(),
  )
  expect(first.status).toBe(404)
  expect(listIn(await expecting(200, c!.call('GET', '/memories')), 'memories').map(({ id }) => id)).toEqual([
    later,
    kept,
  ])
  await fleet.linked()
  const after = await store(c!, 'said by c under its new incarnation')
  await fleet.agree()
  for (const peer of [a!, b!, c!]) {
    await expecting(200, peer.call('GET', `/memories/${after}`))
    expect(
      listIn(await expecting(200, peer.call('GET', '/peers')), 'peers').some(({ forked }) => forked === true),
    ).toBe(false)
  }
  await until(
    'the text is in no file of c',
    SEEN_MS,
    async () => (filesWith(c!.dir, SECRET).length === 0 ? true : null),
    () => filesWith(c!.dir, SECRET).join(', '),
  )
  // Caught up once, it is a peer like others: started alone it shows.
  for (const peer of [a!, b!, c!]) await peer.stop()
  await c!.start()
  await expecting(200, c!.call('GET', `/memories/${kept}`))
}, 180_000)
