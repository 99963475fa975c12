/** `/memories` over a real socket: what is stored, changed and forgotten, and what a failure tells. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { NodeError } from '../errors.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

const FULL = {
  content: 'grüße 🌱',
  title: 'a title',
  kind: 'fact',
  tier: 'long',
  tags: ['a', 'b', 'a'],
  priority: 10,
  confidence: 0,
  source: 's',
  scope: 'team',
  run_id: 'r1',
  occurred_at: '2024-02-29T12:00:00+02:00',
  expires_at: '2030-01-01T00:00:00.123456Z',
  metadata: { deep: { list: [1, 'x', null] } },
}
const store = async (fields: object = { content: 'x' }) =>
  String((await d.send('POST', '/memories', fields)).body['id'])

describe('memories', () => {
  test('a stored memory answers 201 with every field the contract names', async () => {
    const answer = await d.send(
      'POST',
      '/memories?quorum=1',
      { ...FULL, namespace: 'team/api' },
      { headers: { 'x-agent-id': 'ai:alice', 'idempotency-key': 'k1' } },
    )
    expect(answer.status).toBe(201)
    expect(Object.keys(answer.body).sort()).toEqual([
      'agent_id',
      'event_id',
      'id',
      'namespace',
      'quorum_acks',
      'receipt',
      'tier',
      'title',
      'token',
    ])
    expect(answer.body).toMatchObject({
      namespace: 'team/api',
      title: 'a title',
      tier: 'long',
      agent_id: 'ai:alice',
      quorum_acks: 1,
    })
    expect(answer.headers.get('location')).toBe(`/api/v1/memories/${String(answer.body['id'])}`)
    expect(d.seen.at(-1)!.arguments[2]).toEqual({ agent: 'ai:alice', quorum: 1, idempotency_key: 'k1' })
  })

  test('every field comes back as it was given, times in UTC, tags once', async () => {
    const id = await store(FULL)
    const { status, body, headers } = await d.send('GET', `/memories/${id.toUpperCase()}`)
    expect(status).toBe(200)
    const memory = body['memory'] as Record<string, unknown>
    expect(memory).toMatchObject({
      ...FULL,
      tags: ['a', 'b'],
      occurred_at: '2024-02-29T10:00:00.000Z',
      expires_at: '2030-01-01T00:00:00.123Z',
      namespace: 'default',
      agent_id: 'anonymous',
      created_by: { agent_id: 'anonymous', peer_id: 'ab'.repeat(32) },
    })
    expect(memory).not.toHaveProperty('peer_id')
    expect(headers.get('etag')).toBe('"1"')
    expect(Object.keys(body).sort()).toEqual([
      'conflicts',
      'conflicts_next_cursor',
      'links',
      'links_next_cursor',
      'memory',
    ])
  })

  test('null clears what may be cleared, by PATCH and by PUT', async () => {
    const id = await store(FULL)
    for (const method of ['PATCH', 'PUT']) {
      const answer = await d.send(method, `/memories/${id}`, { title: null, occurred_at: null, metadata: null })
      expect(answer.status).toBe(200)
      expect(answer.body['title']).toBeNull()
    }
    expect((await d.send('PATCH', `/memories/${id}`, { content: null })).status).toBe(400)
    expect((await d.send('PATCH', `/memories/${id}`, {})).status).toBe(400)
  })

  test.each(['PATCH', 'PUT', 'DELETE'])('%s with If-Match goes through on that version alone', async (method) => {
    const id = await store()
    const body = method === 'DELETE' ? undefined : { title: 't' }
    const other = await d.send(method, `/memories/${id}`, body, { headers: { 'if-match': '"7"' } })
    expect([other.status, other.body['error']]).toEqual([412, 'version_mismatch'])
    expect((await d.send(method, `/memories/${id}`, body, { headers: { 'if-match': 'W/"1"' } })).status).toBe(412)
    expect((await d.send(method, `/memories/${id}`, body, { headers: { 'if-match': '"1", "2"' } })).status).toBe(400)
    expect((await d.send(method, `/memories/${id}`, body, { headers: { 'if-match': '"1"' } })).status).toBe(200)
  })

  test('forget, restore, erase', async () => {
    const id = await store()
    expect((await d.send('DELETE', `/memories/${id}`)).status).toBe(200)
    expect((await d.send('GET', `/memories/${id}`)).status).toBe(404)
    expect((await d.send('POST', `/memories/${id}/restore`)).status).toBe(200)
    expect((await d.send('GET', `/memories/${id}`)).status).toBe(200)
    expect((await d.send('DELETE', `/memories/${id}?erase=true`)).status).toBe(200)
    expect(d.seen.at(-1)!.arguments[1]).toMatchObject({ erase: true })
  })

  test('an absent, a malformed and an invisible id are answered in the same words, for every route with an id', async () => {
    const absent = '01890000-0000-7000-8000-000000000000'
    const routes: [string, (id: string) => string, unknown?][] = [
      ['GET', (id) => `/memories/${id}`],
      ['PATCH', (id) => `/memories/${id}`, { title: 't' }],
      ['DELETE', (id) => `/memories/${id}`],
      ['POST', (id) => `/memories/${id}/restore`],
      ['GET', (id) => `/memories/${id}/history`],
      ['GET', (id) => `/memories/${id}/conflicts`],
      ['POST', (id) => `/memories/${id}/resolve`, { field: 'title', value: 'x' }],
      ['GET', (id) => `/links/${id}`],
    ]
    for (const [method, path, body] of routes) {
      const answers = []
      for (const id of [
        absent,
        'nonsense',
        '%00',
        "'; drop table memories; --".replaceAll(' ', '%20'),
        'a'.repeat(2000),
      ])
        answers.push(await d.send(method, path(id), body))
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
      expect([method, path('…'), new Set(answers.map(({ text }) => text)).size]).toEqual([method, path('…'), 1])
    }
  })

  test('list pages to the end, and counts what it shows', async () => {
    for (let i = 0; i < 5; i++) await store({ content: `m${i}`, namespace: 'paged' })
    const contents: unknown[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const { body }: { body: Readonly<Record<string, unknown>> } = await d.send(
        'GET',
        `/memories?namespace=paged&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      const memories = body['memories'] as { content: string }[]
      expect(body['count']).toBe(memories.length)
      contents.push(...memories.map(({ content }) => content))
      cursor = body['next_cursor'] as string | null
    }
    expect(contents).toEqual(['m4', 'm3', 'm2', 'm1', 'm0'])
  })

  test('as_of reaches the node in UTC, and is a time', async () => {
    const id = await store()
    const as_of = '2026-01-31T13:00:00%2B01:00'
    for (const [path, place] of [
      [`/memories/${id}`, 1],
      ['/memories', 1],
      [`/memories/${id}/conflicts`, 1],
      [`/links/${id}`, 1],
    ] as const) {
      expect((await d.send('GET', `${path}?as_of=${as_of}`)).status).toBe(200)
      expect(d.seen.at(-1)!.arguments[place]).toMatchObject({ as_of: '2026-01-31T12:00:00.000Z' })
      expect((await d.send('GET', `${path}?as_of=yesterday`)).status).toBe(400)
    }
  })

  test('a diff goes between two times of one namespace, and a history with its lines', async () => {
    const id = await store({ content: 'x', namespace: 'diffed' })
    const { status, body } = await d.send(
      'GET',
      '/diff?namespace=diffed&from=2026-01-01T01:00:00%2B01:00&to=2026-02-01T00:00:00Z&limit=3',
    )
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        count: 1,
        next_cursor: null,
        changes: [expect.objectContaining({ id, change: 'added', diff: { content: '+x\n' } })],
      }),
    ])
    expect(d.seen.at(-1)!.arguments.slice(0, 2)).toEqual([
      'diffed',
      { from: '2026-01-01T00:00:00.000Z', to: '2026-02-01T00:00:00.000Z' },
    ])
    for (const bad of [
      '',
      '?namespace=diffed',
      '?namespace=diffed&from=yesterday',
      '?namespace=DIFF/&from=2026-01-01T00:00:00Z',
    ])
      expect((await d.send('GET', `/diff${bad}`)).status).toBe(400)
    await d.send('GET', `/memories/${id}/history?diff=true`)
    expect(d.seen.at(-1)!.arguments[1]).toMatchObject({ diff: true })
  })

  test('filters reach the node parsed', async () => {
    await d.send(
      'GET',
      '/memories?namespace=team/api&kind=fact&tier=mid&tags=a,b&agent_id=ai:bob&run_id=r&since=2024-01-01T00:00:00+01:00&until=2025-01-01T00:00:00Z',
      undefined,
      { headers: { 'x-causal-token': 'tok', 'x-causal-wait': '50' } },
    )
    expect(d.seen.at(-1)!.arguments).toEqual([
      {
        namespace: 'team/api',
        kinds: ['fact'],
        tier: 'mid',
        tags: ['a', 'b'],
        agent_id: 'ai:bob',
        run_id: 'r',
        since: '2023-12-31T23:00:00.000Z',
        until: '2025-01-01T00:00:00.000Z',
      },
      { limit: 200 },
      { token: 'tok', wait_ms: 50 },
    ])
  })

  test('HEAD answers the headers of GET', async () => {
    const id = await store()
    const head = await d.send('HEAD', `/memories/${id}`)
    expect([head.status, head.text, head.headers.get('etag')]).toEqual([200, '', '"1"'])
  })

  test('a write without its quorum says what happened and when to come back', async () => {
    d.refuseNext(
      new NodeError('quorum_not_met', '1 of 2 voters have it; it stays and converges later', {
        got: 1,
        needed: 2,
        reason: 'timeout',
        id: 'i',
        event_id: 'e',
        local_committed: true,
      }),
    )
    const answer = await d.send('POST', '/memories', { content: 'x' })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.body).toEqual({
      error: 'quorum_not_met',
      message: '1 of 2 voters have it; it stays and converges later',
      got: 1,
      needed: 2,
      reason: 'timeout',
      id: 'i',
      event_id: 'e',
      local_committed: true,
    })
  })

  test('a 5xx of a write always says local_committed; of a read never', async () => {
    d.refuseNext(new NodeError('disk_full', 'no room'))
    expect((await d.send('POST', '/memories', { content: 'x' })).body).toEqual({
      error: 'disk_full',
      message: 'no room',
      local_committed: false,
    })
    d.refuseNext(new TypeError('a bug'))
    const bug = await d.send('POST', '/memories', { content: 'x' })
    expect([bug.status, bug.body['error'], bug.body['local_committed']]).toEqual([500, 'internal', true])
    expect(bug.text).not.toContain('a bug')
    expect(d.logged).toHaveLength(1)
    d.refuseNext(new NodeError('not_yet_here', 'later'))
    expect((await d.send('POST', '/recall', { q: 'x' })).body).toEqual({ error: 'not_yet_here', message: 'later' })
  })

  test('429 carries Retry-After in whole seconds', async () => {
    d.refuseNext(new NodeError('too_many_requests', 'the queue is full', { retry_after_ms: 2_500 }))
    const answer = await d.send('POST', '/memories', { content: 'x' })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3'])
  })
})
