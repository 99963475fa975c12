/** Every other route over a real socket: bulk, recall, links, episodes, versions, mesh, about. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { encodeProof } from '../../crdt/proof-file.ts'
import { writtenProof } from '../../crdt/proof.test-support.ts'
import { NodeError } from '../errors.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

const store = async (fields: object) => String((await d.send('POST', '/memories', fields)).body['id'])
const lastCall = () => d.seen.at(-1)!

describe('bulk', () => {
  test('an array or {memories} is stored, with one call to the node', async () => {
    for (const body of [
      [{ content: 'a' }, { content: 'b', namespace: 'n' }],
      { memories: [{ content: 'a' }, { content: 'b' }] },
    ]) {
      const calls = d.seen.length
      const answer = await d.send('POST', '/memories/bulk', body)
      expect([
        answer.status,
        answer.body['created'],
        (answer.body['ids'] as unknown[]).length,
        answer.body['errors'],
      ]).toEqual([201, 2, 2, []])
      expect(d.seen.length).toBe(calls + 1)
    }
  })

  test('entries that do not fit, and those the node refuses, are named by their index in the request', async () => {
    const big = 'x'.repeat(64 * 1024 + 1)
    const { status, body } = await d.send('POST', '/memories/bulk', [
      { content: 1 },
      { content: 'ok' },
      null,
      { content: 'refuse me' },
      { content: 'ok', namespace: '../x' },
      { content: big },
      { content: 'ok', wat: 1 },
      { content: 'ok' },
    ])
    expect(status).toBe(201)
    expect(body['created']).toBe(2)
    expect((body['ids'] as unknown[]).map((id) => id !== null)).toEqual([
      false,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ])
    expect((body['errors'] as { index: number; error: string }[]).map(({ index, error }) => [index, error])).toEqual([
      [0, 'malformed'],
      [2, 'malformed'],
      [3, 'conflict'],
      [4, 'malformed'],
      [5, 'too_large'],
      [6, 'malformed'],
    ])
  })

  test('a refusal of the whole names what was kept, and what does not fit, by their index in the request', async () => {
    d.refuseNext(
      new NodeError('quorum_not_met', '1 of 2 voters have it', {
        got: 1,
        needed: 2,
        local_committed: true,
        ids: ['a', null],
        errors: [{ index: 1, error: 'conflict', message: 'is there' }],
      }),
    )
    const { status, body } = await d.send('POST', '/memories/bulk', [
      { content: 1 },
      { content: 'kept' },
      { content: 'not kept' },
    ])
    expect([status, body['error'], body['local_committed'], body['ids']]).toEqual([
      503,
      'quorum_not_met',
      true,
      [null, 'a', null],
    ])
    expect((body['errors'] as { index: number; error: string }[]).map(({ index, error }) => [index, error])).toEqual([
      [0, 'malformed'],
      [2, 'conflict'],
    ])
  })

  test('none stored is 422 with the reasons; over 1,000 is 413; none at all is 400', async () => {
    for (const bad of [[{ content: 1 }], [{ content: 'refuse me' }]]) {
      const answer = await d.send('POST', '/memories/bulk', bad)
      expect([answer.status, answer.body['error'], (answer.body['errors'] as unknown[]).length]).toEqual([
        422,
        'refused',
        1,
      ])
    }
    const thousand = Array.from({ length: 1000 }, (_, i) => ({ content: `m${i}` }))
    expect((await d.send('POST', '/memories/bulk', [...thousand, { content: 'x' }])).status).toBe(413)
    const answer = await d.send('POST', '/memories/bulk', thousand)
    expect([answer.status, answer.body['created']]).toEqual([201, 1000])
    expect((await d.send('POST', '/memories/bulk', [])).status).toBe(400)
  })

  test("the request's key becomes one a memory; an entry's own goes before it", async () => {
    await d.send('POST', '/memories/bulk', [{ content: 'a' }, { content: 'b', idempotency_key: 'own' }], {
      headers: { 'idempotency-key': 'K' },
    })
    expect((lastCall().arguments[0] as { idempotency_key: string }[]).map((memory) => memory.idempotency_key)).toEqual([
      'K/0',
      'own',
    ])
    expect(lastCall().arguments[1]).toEqual({ agent: 'anonymous' })
  })
})

describe('recall and search', () => {
  test.each(['q', 'query', 'context'])('%s asks, by GET and by POST, on both paths', async (word) => {
    await store({ content: `needle ${word}`, namespace: 'found' })
    for (const path of ['/recall', '/search']) {
      const get = await d.send('GET', `${path}?${word}=needle%20${word}&namespace=found&explain=true&limit=1`)
      const post = await d.send('POST', path, { [word]: `needle ${word}`, namespace: 'found', explain: true, limit: 1 })
      expect(get.status).toBe(200)
      expect(get.body).toEqual(post.body)
      expect(get.body).toMatchObject({
        count: 1,
        mode: 'lexical',
        frontier: 'f2.0.nothing',
        memories: [
          { content: `needle ${word}`, score: 0.5, explain: { lexical: 0.5 }, created_by: { agent_id: 'anonymous' } },
        ],
      })
    }
  })

  test('filters reach the node alike', async () => {
    await d.send('GET', '/recall?q=x&kinds=a&kinds=b&tags=c&max_tokens=100&since=2024-01-01T00:00:00Z')
    const byGet = lastCall().arguments
    await d.send('POST', '/recall', {
      q: 'x',
      kinds: ['a', 'b'],
      tags: ['c'],
      max_tokens: 100,
      since: '2024-01-01T00:00:00Z',
    })
    expect(byGet).toEqual(lastCall().arguments)
    expect(byGet[0]).toEqual({
      q: 'x',
      limit: 10,
      kinds: ['a', 'b'],
      tags: ['c'],
      max_tokens: 100,
      since: '2024-01-01T00:00:00.000Z',
    })
  })
})

describe('links', () => {
  let from: string
  let to: string
  beforeEach(async () => {
    from = await store({ content: 'from' })
    to = await store({ content: 'to' })
  })

  test('a link is made, read back from both ends, and removed by a body or by the query', async () => {
    for (const remove of [
      (link: object) => d.send('DELETE', '/links', link),
      (link: object) => d.send('DELETE', `/links?${new URLSearchParams(Object.entries(link)).toString()}`),
    ]) {
      const made = await d.send('POST', '/links', {
        from,
        to,
        relation: 'causes',
        valid_from: '2024-01-01T00:00:00+01:00',
        valid_until: null,
      })
      expect(made.status).toBe(201)
      expect(made.body['link']).toMatchObject({
        from,
        to,
        relation: 'causes',
        valid_from: '2023-12-31T23:00:00.000Z',
        valid_until: null,
        removed: false,
        namespace: 'default',
        agent_id: 'anonymous',
        created_by: { agent_id: 'anonymous', peer_id: 'ab'.repeat(32) },
      })
      for (const id of [from, to])
        expect((await d.send('GET', `/links/${id}`)).body).toMatchObject({ count: 1, links: [{ from, to }] })
      expect((await remove({ from, to, relation: 'causes' })).status).toBe(200)
      expect((await d.send('GET', `/links/${from}`)).body['count']).toBe(0)
    }
  })

  test('a link that is not whole is refused', async () => {
    expect((await d.send('DELETE', '/links', { from, to })).status).toBe(400)
    expect((await d.send('DELETE', '/links')).status).toBe(400)
    expect((await d.send('POST', '/links', { from: 'x', to, relation: 'r' })).status).toBe(400)
  })
})

describe('episodes', () => {
  test("an agent's log is appended and read, newest first", async () => {
    const path = `/agents/${encodeURIComponent('ai:alice/1')}/memory/episodic`
    const first = await d.send('POST', path, {
      event_type: 'step',
      sender: 's',
      recipient: 'r',
      body: { a: 1 },
      inference_receipt_id: 'i',
      audit_event_hash: 'h',
    })
    expect(first.status).toBe(201)
    expect(first.body).toMatchObject({
      agent_id: 'ai:alice/1',
      namespace: 'default',
      episode: {
        event_type: 'step',
        sender: 's',
        recipient: 'r',
        body: { a: 1 },
        inference_receipt_id: 'i',
        audit_event_hash: 'h',
      },
    })
    await d.send('POST', path, { event_type: 'other', namespace: 'n' }, { headers: { 'x-agent-id': 'ai:alice/1' } })
    const all = await d.send('GET', path)
    expect((all.body['episodes'] as { event_type: string }[]).map((episode) => episode.event_type)).toEqual([
      'other',
      'step',
    ])
    expect((await d.send('GET', `${path}?event_type=step&limit=500&since=2024-01-01T00:00:00Z`)).body['count']).toBe(1)
    expect(lastCall().arguments[0]).toEqual({
      agent_id: 'ai:alice/1',
      event_type: 'step',
      limit: 500,
      since: '2024-01-01T00:00:00.000Z',
    })
  })

  test("in another's name is forbidden", async () => {
    expect(
      (
        await d.send(
          'POST',
          '/agents/ai:bob/memory/episodic',
          { event_type: 'x' },
          { headers: { 'x-agent-id': 'ai:eve' } },
        )
      ).status,
    ).toBe(403)
  })
})

describe('versions', () => {
  test('history, conflicts, and settling by event or by value', async () => {
    const id = await store({ content: 'x' })
    const history = await d.send('GET', `/memories/${id}/history`)
    expect(history.body).toMatchObject({
      count: 1,
      versions: [{ kind: 'memory.put', tags: { add: ['x'], remove: [] } }],
    })
    expect(await d.send('GET', `/memories/${id}/proof`)).toMatchObject({ status: 200, body: { v: 1, index: 1 } })
    expect(await (await fetch(`${d.url}/api/v1/memories/${id}/proof`)).text()).toBe(
      new TextDecoder().decode(encodeProof(writtenProof().proof)),
    )
    expect((await d.send('GET', `/memories/${id}/proof?version=2`)).status).toBe(200)
    expect(lastCall().arguments[1]).toEqual({ version: 2 })
    for (const bad of ['version=0', 'version=x', 'event=7', `version=1&event=${id}`])
      expect((await d.send('GET', `/memories/${id}/proof?${bad}`)).status).toBe(400)
    const { body } = await d.send('GET', `/memories/${id}/conflicts`)
    const event_id = (body['conflicts'] as { values: { event_id: string }[] }[])[0]!.values[0]!.event_id
    expect((await d.send('POST', `/memories/${id}/resolve`, { field: 'title', event_id })).status).toBe(200)
    expect((await d.send('POST', `/memories/${id}/resolve`, { field: 'title', value: null })).status).toBe(200)
    expect(lastCall().arguments[1]).toEqual({ field: 'title', value: null })
    for (const bad of [{ field: 'title' }, { field: 'title', event_id, value: 'x' }, { event_id }])
      expect((await d.send('POST', `/memories/${id}/resolve`, bad)).status).toBe(400)
  })
})

describe('mesh', () => {
  test('join and revoke take bytes, and answer the control log', async () => {
    const octets = { headers: { 'content-type': 'application/octet-stream' } }
    expect((await d.send('POST', '/mesh/join', Uint8Array.of(9, 8), octets)).text).toBe('["AQL_","CQg"]')
    for (const path of ['/mesh/revoke', '/mesh/leave-behind'])
      expect((await d.send('POST', path, Uint8Array.of(7), octets)).body).toEqual({ ok: true })
    expect((await d.send('POST', '/mesh/level', Uint8Array.of(7), octets)).body).toMatchObject({
      level: 2,
      observers_below: [{ name: 'double', reads: null }],
    })
    expect((await d.send('GET', '/mesh/control')).text).toBe('["AQL_"]')
    expect((await d.send('GET', '/mesh/applied?wait=1000')).body).toMatchObject({ seq: 2, not_yet: [] })
    expect(lastCall().arguments).toEqual([1000])
    expect((await d.send('GET', '/mesh/applied?wait=5001')).status).toBe(400)
    expect((await d.send('POST', '/mesh/join', new Uint8Array(64 * 1024 + 1), octets)).status).toBe(413)
    expect((await d.send('POST', '/mesh/join', new Uint8Array(0), octets)).status).toBe(400)
    expect((await d.send('POST', '/mesh/join', { not: 'bytes' })).status).toBe(400)
  })
})

describe('about', () => {
  test('metrics are at both paths, as Prometheus text', async () => {
    const below = await d.send('GET', '/metrics')
    const root = await fetch(`${d.url}/metrics`)
    expect(below.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect([root.status, await root.text()]).toEqual([200, below.text])
  })

  test('who asks for a verification while one runs gets the same', async () => {
    const release = d.holdNext()
    const calls = d.seen.length
    const asked = [d.send('POST', '/verify'), d.send('POST', '/verify')]
    await expect.poll(() => d.seen.length).toBe(calls + 1)
    // The second is in the door once a later request has been answered over the same loop.
    await d.send('GET', '/quorum')
    release()
    expect((await Promise.all(asked)).map(({ status, body }) => [status, body['ok']])).toEqual([
      [200, true],
      [200, true],
    ])
    expect(d.seen.filter(({ method }) => method === 'verify')).toHaveLength(1)
  })

  test('degraded health is 503 with reasons', async () => {
    expect((await d.send('GET', '/health')).status).toBe(200)
    d.degrade('no quorum')
    const answer = await d.send('GET', '/health')
    expect([answer.status, answer.body['status'], answer.body['reasons']]).toEqual([503, 'degraded', ['no quorum']])
  })
})

describe('pages', () => {
  test.each([
    ['/namespaces', 'namespaces'],
    ['/peers', 'peers'],
  ])('%s are answered by pages that meet', async (path, field) => {
    for (const namespace of ['page/a', 'page/b', 'page/c']) await store({ content: 'x', namespace })
    const whole = (await d.send('GET', path)).body[field] as unknown[]
    const rows: unknown[] = []
    for (let cursor = ''; ;) {
      const { status, body } = await d.send(
        'GET',
        `${path}?limit=1${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      )
      expect([status, body['count']]).toEqual([200, 1])
      for (const row of body[field] as unknown[]) rows.push(row)
      if (body['next_cursor'] === null) break
      cursor = body['next_cursor'] as string
    }
    expect(rows).toEqual(whole)
  })

  test('limits and cursors of history, links and conflicts go to the node', async () => {
    const id = await store({ content: 'x' })
    for (const [path, method] of [
      [`/memories/${id}/history`, 'history'],
      [`/memories/${id}/conflicts`, 'conflicts'],
      [`/links/${id}`, 'links'],
    ] as const) {
      const { status, body } = await d.send('GET', `${path}?limit=7&cursor=3`)
      expect([status, body['next_cursor'], lastCall().method, lastCall().arguments[1]]).toEqual([
        200,
        null,
        method,
        { limit: 7, cursor: '3' },
      ])
      expect((await d.send('GET', `${path}?limit=1001`)).status).toBe(400)
    }
  })

  test('frontier is a token, whole on demand, and lag stands beside it', async () => {
    const id = await store({ content: 'frontier' })
    for (const path of ['/memories?limit=1', '/recall?q=frontier', '/search?q=frontier', `/graph?from=${id}`]) {
      const token = (await d.send('GET', path)).body
      expect([path, token['frontier'], token['lag']]).toEqual([path, expect.stringMatching(/^f2\./), 0])
      expect([path, (await d.send('GET', `${path}&frontier=full`)).body['frontier']]).toEqual([path, {}])
    }
    expect((await d.send('POST', '/recall', { q: 'frontier', frontier: 'full' })).body['frontier']).toEqual({})
    expect((await d.send('GET', '/memories?frontier=half')).status).toBe(400)
  })
})
