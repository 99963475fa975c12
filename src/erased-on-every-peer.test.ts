/**
 * What is erased is on no member's disk any more: three real peers, one of them over a Postgres server where there is one, one away during
 * the erasure; every byte of every file of the mesh is searched for every text that the memory ever had.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFleet, type Fleet } from '../deploy/local/fleet.ts'
import { expecting, listIn, textIn, type Json } from '../deploy/local/http.ts'
import type { Peer } from '../deploy/local/peer.ts'
import { until } from '../deploy/local/until.ts'
import { missingServer, startServer, type Server } from './projection/testing/postgres-server.ts'

/** From the acknowledged erasing, and from when a peer that was away is in step. */
const GONE_MS_MAX = 60_000
const INDEXED_MS_MAX = 60_000
const SECRETS = ['titlezebra', 'contentzebra', 'metadatazebra', 'sourcezebra', 'latertitlezebra', 'latercontentzebra']

/** Files below these folders that hold any of the texts. What goes meanwhile holds none. */
const filesWith = (folders: readonly string[]): readonly string[] =>
  folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name)
      const bytes = entry.isFile() ? read(path) : null
      return SECRETS.filter((secret) => bytes?.includes(secret) === true).map((secret) => `${secret} in ${path}`)
    }),
  )
const read = (path: string): Buffer | null => {
  try {
    return readFileSync(path)
  } catch {
    return null
  }
}
const gone = (folders: readonly string[]): Promise<true> => {
  let left: readonly string[] = []
  return until(
    'the texts are in no file',
    GONE_MS_MAX,
    async () => ((left = filesWith(folders)).length === 0 ? true : null),
    () => left.join(', '),
  )
}

/** Stores a memory with texts everywhere, and changes it; resolves when all peers hold and find it. */
const stored = async (fleet: Fleet): Promise<string> => {
  const [a] = fleet.peers
  const write = (method: string, path: string, body: Json): Promise<Json> =>
    expecting(method === 'POST' ? 201 : 200, a!.call(method, `${path}?quorum=3`, { body }))
  const first = {
    title: SECRETS[0],
    content: `the ${SECRETS[1]} runs`,
    metadata: { a: SECRETS[2] },
    source: SECRETS[3],
  }
  const id = textIn(await write('POST', '/memories', first), 'id')
  await write('PATCH', `/memories/${id}`, { title: SECRETS[4], content: `the ${SECRETS[5]} sleeps` })
  await fleet.agree()
  for (const peer of fleet.peers)
    await until(`${peer.name} finds it`, INDEXED_MS_MAX, async () => ((await found(peer)) === 1 ? true : null))
  return id
}
const found = async (peer: Peer): Promise<number> =>
  listIn(await expecting(200, peer.call('POST', '/recall', { body: { q: SECRETS[5] } })), 'memories').length

/** One peer away, the text destroyed by the others, then by the one that was away. Answers where it is found all the same. @param more folders that belong to the mesh. */
const eraseAndSearch = async (fleet: Fleet, more: readonly string[]): Promise<readonly string[]> => {
  const id = await stored(fleet)
  const [a, b, c] = fleet.peers
  const before = filesWith([...fleet.peers.map(({ dir }) => dir), ...more])
  for (const secret of SECRETS.slice(0, 4)) expect(before.some((line) => line.startsWith(secret))).toBe(true)
  await c!.kill()
  await expecting(200, a!.call('DELETE', `/memories/${id}?erase=true&quorum=2`))
  await gone([a!.dir, b!.dir, ...more])
  expect(filesWith([c!.dir])).not.toEqual([])
  await c!.start({ projection: 'pglite' })
  await fleet.agree()
  await gone([fleet.dir, ...more])
  for (const peer of fleet.peers) {
    expect(await found(peer)).toBe(0)
    expect((await peer.call('GET', `/memories/${id}`)).status).toBe(404)
    const versions = listIn(await expecting(200, peer.call('GET', `/memories/${id}/history`)), 'versions')
    expect(JSON.stringify(versions)).not.toContain('zebra')
  }
  // A stop and a start bring nothing back.
  for (const peer of fleet.peers) await peer.stop()
  return filesWith([fleet.dir, ...more])
}

describe('three peers with embedded databases', () => {
  let fleet: Fleet
  beforeAll(async () => {
    fleet = await startFleet({ projection: 'pglite' })
  }, 180_000)
  afterAll(() => fleet?.dispose())

  test('one of them away during the erasure', async () => {
    expect(await eraseAndSearch(fleet, [])).toEqual([])
  }, 400_000)
})

const reason = await missingServer()
const own = process.env['TEST_DATABASE_URL'] === undefined
describe.skipIf(reason !== null || !own)(
  `one of three over Postgres${reason !== null || !own ? ` (skipped: ${reason ?? 'its files are on a server of somebody else'})` : ''}`,
  () => {
    let fleet: Fleet
    let server: Server
    beforeAll(async () => {
      server = await startServer()
      fleet = await startFleet({ projection: 'none' })
      const database = await server.createDatabase(`mnemesh_erased_${process.pid}`)
      for (const [n, peer] of fleet.peers.entries()) {
        await peer.stop()
        await peer.start({ projection: n === 1 ? (database as `postgres://${string}`) : 'pglite' })
      }
      await fleet.linked()
    }, 240_000)
    afterAll(async () => {
      await fleet?.dispose()
      await server?.stop()
    })

    // Tables and indexes; the write-ahead log is its operator's.
    test(
      'and one away during the erasure',
      async () => expect(await eraseAndSearch(fleet, [join(server.own!.folder, 'data/base')])).toEqual([]),
      400_000,
    )
  },
)
