/**
 * Every kind of event, made on one peer over HTTP and read back on the others by the token that the write answered.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filesWith } from './disk.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { expecting, listIn, objectIn, textIn, type Json } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

/** What is tried is that it comes, not how fast this machine is today. */
const WAIT_MS = '10000'

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet({ names: ['a', 'b'], projection: 'pglite' })
}, 90_000)
afterAll(() => fleet?.dispose())

const FIELDS = {
  content: 'the staging database is copied every night',
  title: 'staging',
  namespace: 'team/api',
  kind: 'fact',
  tier: 'long',
  tags: ['db', 'staging'],
  priority: 7,
  confidence: 0.5,
  source: 'runbook',
  scope: 'team',
  run_id: 'run-1',
  occurred_at: '2026-01-31T09:00:00.000Z',
  expires_at: '2099-01-31T09:00:00.000Z',
  metadata: { ticket: 42, nested: { deep: ['x', null, true] } },
}

const remember = async (peer: Peer, body: Json = FIELDS): Promise<Json> =>
  expecting(201, peer.call('POST', '/memories', { body, headers: { 'x-agent-id': 'ai:alice' } }))
const after = (written: Json): { readonly headers: Readonly<Record<string, string>> } => ({
  headers: { 'x-causal-token': textIn(written, 'token'), 'x-causal-wait': WAIT_MS },
})
const memoryOn = async (peer: Peer, written: Json): Promise<Json> =>
  objectIn(await expecting(200, peer.call('GET', `/memories/${textIn(written, 'id')}`, after(written))), 'memory')
const sides = (): readonly (readonly [Peer, Peer])[] => [
  [fleet.peer(0), fleet.peer(1)],
  [fleet.peer(1), fleet.peer(0)],
]

test('a memory arrives with every field', async () => {
  for (const [writer, reader] of sides()) {
    const written = await remember(writer)
    expect(written).toMatchObject({
      namespace: 'team/api',
      title: 'staging',
      tier: 'long',
      agent_id: 'ai:alice',
      quorum_acks: 2,
    })
    for (const peer of [writer, reader])
      expect(await memoryOn(peer, written)).toMatchObject({
        ...FIELDS,
        created_by: { agent_id: 'ai:alice', peer_id: (await writer.health())['peer_id'] },
      })
    const found = await expecting(
      200,
      reader.call('POST', '/recall', {
        body: { q: 'when is staging copied', namespace: 'team/api' },
        ...after(written),
      }),
    )
    expect(listIn(found, 'memories').map(({ id }) => id)).toContain(written['id'])
  }
})

test('update, forget and restore are seen on the other peer', async () => {
  for (const [writer, reader] of sides()) {
    const path = `/memories/${textIn(await remember(writer), 'id')}`
    const updated = await expecting(
      200,
      writer.call('PATCH', path, {
        body: { title: null, tags: ['db', 'nightly'], priority: 9, content: 'copied every hour' },
      }),
    )
    expect(await memoryOn(reader, updated)).toMatchObject({
      title: null,
      tags: ['db', 'nightly'],
      priority: 9,
      content: 'copied every hour',
      source: 'runbook',
    })

    const forgotten = await expecting(200, writer.call('DELETE', path))
    expect((await reader.call('GET', path, after(forgotten))).status).toBe(404)
    expect(
      listIn(
        await expecting(200, reader.call('GET', '/memories?namespace=team/api', after(forgotten))),
        'memories',
      ).map(({ id }) => id),
    ).not.toContain(forgotten['id'])

    const restored = await expecting(200, reader.call('POST', `${path}/restore`))
    expect(await memoryOn(writer, restored)).toMatchObject({ content: 'copied every hour', priority: 9 })
    const versions = listIn(await expecting(200, writer.call('GET', `${path}/history`)), 'versions')
    expect(versions.map(({ kind }) => kind)).toEqual(['memory.put', 'memory.patch', 'memory.forget', 'memory.restore'])
  }
})

test('link and unlink are seen on the other peer', async () => {
  for (const [writer, reader] of sides()) {
    const from = textIn(await remember(writer), 'id')
    const to = textIn(await remember(writer), 'id')
    const linked = await expecting(
      201,
      writer.call('POST', '/links', {
        body: { from, to, relation: 'explains', valid_from: '2026-01-01T00:00:00.000Z' },
      }),
    )
    for (const end of [from, to])
      expect(listIn(await expecting(200, reader.call('GET', `/links/${end}`, after(linked))), 'links')).toMatchObject([
        { from, to, relation: 'explains', valid_from: '2026-01-01T00:00:00.000Z' },
      ])
    const unlinked = await expecting(200, reader.call('DELETE', '/links', { body: { from, to, relation: 'explains' } }))
    expect(listIn(await expecting(200, writer.call('GET', `/links/${from}`, after(unlinked))), 'links')).toEqual([])
  }
})

test('an episode is seen on the other peer', async () => {
  for (const [writer, reader] of sides()) {
    const path = `/agents/ai:${writer.name}/memory/episodic`
    const episode = {
      event_type: 'tool_call',
      sender: 'ai:planner',
      recipient: 'tool:sql',
      body: { query: 'select 1', rows: 1 },
      inference_receipt_id: 'r-1',
      audit_event_hash: 'ab12',
    }
    const written = await expecting(201, writer.call('POST', path, { body: episode }))
    expect(
      listIn(await expecting(200, reader.call('GET', `${path}?event_type=tool_call`, after(written))), 'episodes'),
    ).toMatchObject([episode])
  }
})

test('an erased text is gone from both: from reads, from the history, and from every file', async () => {
  for (const [writer, reader] of sides()) {
    const secret = `secret-${writer.name}-${crypto.randomUUID()}`
    const written = await remember(writer, { content: `the password is ${secret}`, title: `about ${secret}` })
    const path = `/memories/${textIn(written, 'id')}`
    expect(await memoryOn(reader, written)).toMatchObject({ content: `the password is ${secret}` })
    for (const peer of [writer, reader])
      await until(`${peer.name} has the text on its disk`, 5_000, async () =>
        (await filesWith(peer.dir, secret)).length > 0 ? true : null,
      )

    const erased = await expecting(200, reader.call('DELETE', `${path}?erase=true`))
    for (const peer of [writer, reader]) {
      expect((await peer.call('GET', path, after(erased))).status).toBe(404)
      expect(JSON.stringify(await expecting(200, peer.call('GET', `${path}/history`)))).not.toContain(secret)
      expect(
        listIn(
          await expecting(200, peer.call('POST', '/recall', { body: { q: secret }, ...after(erased) })),
          'memories',
        ).map(({ id }) => id),
      ).not.toContain(written['id'])
      let left: readonly string[] = []
      await until(
        `no file of ${peer.name} holds the text`,
        15_000,
        async () => {
          left = (await filesWith(peer.dir, secret)).map(({ path }) => path)
          return left.length === 0 ? true : null
        },
        () => left.join(', '),
      )
      expect(await expecting(200, peer.call('POST', '/verify'))).toMatchObject({ ok: true, problems: [] })
    }
  }
}, 60_000)

test('both hold the same in the end, and all of it verifies', async () => {
  const { projection } = await fleet.agree()
  expect(projection).not.toBeNull()
  for (const peer of fleet.peers)
    expect(await expecting(200, peer.call('POST', '/verify'))).toMatchObject({ ok: true, problems: [] })
})
