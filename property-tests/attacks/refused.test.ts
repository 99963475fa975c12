/**
 * What is refused is told to its sender by name (PROTOCOL RF1–RF4), with real processes: a real voter refuses a member's bad commits, and
 * a member that refuses what a real peer wrote ends its writes at once, but not where others acknowledge them.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { controlChainId, decodeCommit } from '../../crdt/commit.ts'
import { bytesToHex, hexToBytes, type AgentId, type CommitHash, type EventId, type MeshId } from '../../crdt/ids.ts'
import type { Event } from '../../crdt/event.ts'
import { startFleet, type Fleet } from '../../deploy/local/fleet.ts'
import type { Peer } from '../../deploy/local/peer.ts'
import { until } from '../../deploy/local/until.ts'
import { TAGS } from '../../transports/messages.ts'
import type { Node } from '../fuzz/dumb/msgpack.ts'
import {
  authenticate,
  connect,
  frontierOf,
  openLink,
  parcelsFrame,
  settled,
  type MeshLink,
} from '../hostile/mesh-link.ts'
import { randomUUID } from 'node:crypto'
import { createAuthor, NAMESPACE } from './forge.ts'
import { enrol, textIn, type Member } from './member.ts'
import { join } from 'node:path'

let fleet: Fleet
let a: Peer
let b: Peer
let member: Member
let mesh: MeshId
let link: MeshLink
/** Quicker than any wait of a write. */
const AT_ONCE_MS = 2_000

beforeAll(async () => {
  fleet = await startFleet({ names: ['a', 'b'] })
  ;[a, b] = [fleet.peer(0), fleet.peer(1)]
  member = await enrol(fleet, 'grumbler', 'voter')
  mesh = (await textIn(join(a.dir, 'mesh.json'), 'mesh_id')) as MeshId
  link = await grumbling(a)
}, 120_000)
afterAll(async () => {
  link?.end()
  await fleet?.dispose()
})

const dial = async (peer: Peer): Promise<MeshLink> =>
  openLink(await authenticate(await connect(`${peer.url.replace('http', 'ws')}/mesh`), { mesh }, member.keys))

/** A link that answers each commit with its refusal. */
const grumbling = async (peer: Peer): Promise<MeshLink> => {
  const opened = await dial(peer)
  let read = 0
  const answer = (): void => {
    for (const [, chain, first, parts] of opened.heard(TAGS.parcels).slice(read)) {
      read++
      if (!(chain instanceof Uint8Array) || typeof first !== 'number' || !Array.isArray(parts)) continue
      const [from, list] = [first, parts as readonly Node[]]
      const commits = list.filter(
        (part, at): part is Uint8Array => part instanceof Uint8Array && typeof list[at + 1] === 'number',
      )
      const told = commits.flatMap((bytes, n): Node[] => {
        const decoded = decodeCommit(bytes)
        return decoded.ok ? [chain, from + n, hexToBytes(decoded.commit.hash), 'not_to_my_taste'] : []
      })
      if (told.length > 0) opened.tell([TAGS.refused, told])
    }
  }
  const timer = setInterval(answer, 5)
  opened.ws.once('close', () => clearInterval(timer))
  return opened
}

test('a voter that refuses all ends no write that others acknowledge', async () => {
  for (let n = 0; n < 5; n++)
    expect((await a.call('POST', '/memories', { body: { content: `taken by b ${n}` } })).status).toBe(201)
  await settled(link)
  await until('a says who refuses', 10_000, async () =>
    /grumbler refuses what this peer writes \(not_to_my_taste\)/.test(String((await a.health())['reasons']))
      ? true
      : null,
  )
})

test('with nobody else left each write is answered 422 at once, by the reason, is kept here, and a repeat is answered the same', async () => {
  const made = await a.call('POST', '/memories', { body: { content: 'to be changed' } })
  const other = await a.call('POST', '/memories', { body: { content: 'linked' } })
  const [id, to] = [String(made.body['id']), String(other.body['id'])]
  const body = { content: 'refused' }
  const key = { 'idempotency-key': 'once' }
  const kinds: readonly (readonly [string, string, unknown])[] = [
    ['POST', '/memories?quorum=3', body],
    ['PATCH', `/memories/${id}?quorum=3`, { title: 'changed' }],
    ['POST', '/links?quorum=3', { from: id, to, relation: 'about' }],
    ['POST', '/memories/bulk?quorum=3', [{ content: 'one' }, { content: 'two' }]],
    ['DELETE', `/links?quorum=3`, { from: id, to, relation: 'about' }],
    ['DELETE', `/memories/${id}?quorum=3`, undefined],
  ]
  for (const [method, path, given] of kinds) {
    const from = performance.now()
    const answered = await a.call(method, path, given === undefined ? {} : { body: given })
    expect([path, answered.status, answered.body]).toEqual([
      path,
      422,
      expect.objectContaining({
        error: 'not_to_my_taste',
        local_committed: true,
        needed: 3,
        message: expect.stringContaining('refused by grumbler (not_to_my_taste)'),
        refused_by: [expect.objectContaining({ name: 'grumbler', reason: 'not_to_my_taste' })],
      }),
    ])
    expect(performance.now() - from).toBeLessThan(AT_ONCE_MS)
  }
  const [first, second] = [
    await a.call('POST', '/memories?quorum=3', { body, headers: key }),
    await a.call('POST', '/memories?quorum=3', { body, headers: key }),
  ]
  expect([first.status, second.status, second.body['id']]).toEqual([422, 422, first.body['id']])
  expect((await a.call('GET', `/memories/${String(first.body['id'])}`)).status).toBe(200)
  // What is stored goes on replicating.
  await fleet.agree([a, b])
}, 60_000)

test('a real voter tells a member by name what it refuses of it', async () => {
  const control = (await frontierOf(link)).get(controlChainId(mesh))!
  const author = createAuthor({ mesh, policy: control.hash as CommitHash, keys: member.keys })
  const event: Event = {
    v: 1,
    id: randomUUID() as EventId,
    ns: NAMESPACE,
    agent: 'ai:grumbler' as AgentId,
    at: new Date().toISOString(),
    kind: 'episode.append',
    event_type: 'bad',
  }
  const bad = author.seal([event], { history: 'ab'.repeat(32) })
  link.tell(parcelsFrame(bad.chain, 1, [{ bytes: bad.bytes, bodies: [] }]))
  expect(shownOf(await link.await(TAGS.refused))).toEqual([
    [bad.chain, 1, bad.hash, expect.stringMatching(/^[a-z_]+$/)],
  ])
  // Of what is no commit its sender is told too, for the place that it named.
  link.tell(parcelsFrame(bad.chain, 1, [{ bytes: Uint8Array.of(0x95, 1, 2, 3, 4, 5), bodies: [] }]))
  expect(shownOf(await link.await(TAGS.refused))).toEqual([[bad.chain, 1, '0'.repeat(64), 'commit_shape']])
})

const shownOf = ([, list]: readonly Node[]): readonly (readonly unknown[])[] => {
  const items = list as readonly Node[]
  return Array.from({ length: items.length / 4 }, (_, n) =>
    items.slice(4 * n, 4 * n + 4).map((item) => (item instanceof Uint8Array ? bytesToHex(item) : item)),
  )
}
