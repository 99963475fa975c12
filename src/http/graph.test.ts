/** `/graph` and `/projection/rebuild` over a real socket. */
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

const stored = async (content: string): Promise<string> =>
  String((await d.send('POST', '/memories', { content })).body['id'])

test('the node is asked what the query says, times in UTC, defaults filled in; rows name who made them', async () => {
  const [a, b] = [await stored('a'), await stored('b')]
  await d.send('POST', '/links', { from: a, to: b, relation: 'r' })
  const answer = await d.send(
    'GET',
    `/graph?from=${a.toUpperCase()}&depth=3&relation=r&direction=out&namespace=team/api&as_of=2026-01-01T02:00:00%2B02:00&valid_at=2025-01-01T00:00:00Z&limit=7`,
  )
  expect([answer.status, answer.body['truncated']]).toEqual([200, false])
  expect(d.seen.at(-1)).toEqual({
    method: 'graph',
    arguments: [
      {
        from: a,
        depth: 3,
        relation: 'r',
        direction: 'out',
        namespace: 'team/api',
        as_of: '2026-01-01T00:00:00.000Z',
        valid_at: '2025-01-01T00:00:00.000Z',
        limit: 7,
      },
      {},
    ],
  })
  const { nodes, edges } = answer.body as { nodes: readonly object[]; edges: readonly object[] }
  expect(nodes).toMatchObject([
    { id: a, depth: 0, excerpt: 'a', created_by: { agent_id: 'anonymous' } },
    { id: b, depth: 1 },
  ])
  expect(edges).toMatchObject([{ from: a, to: b, created_by: { agent_id: 'anonymous' } }])
  await d.send('GET', `/graph?from=${a}`, undefined, { headers: { 'x-causal-token': 't1' } })
  expect(d.seen.at(-1)!.arguments).toEqual([{ from: a, depth: 2, direction: 'both', limit: 100 }, { token: 't1' }])
})

test.each([
  ['', 'from'],
  ['from=x', 'from'],
  [`from=${crypto.randomUUID()}&depth=7`, 'depth'],
  [`from=${crypto.randomUUID()}&depth=-1`, 'depth'],
  [`from=${crypto.randomUUID()}&depth=1e1`, 'depth'],
  [`from=${crypto.randomUUID()}&limit=501`, 'limit'],
  [`from=${crypto.randomUUID()}&as_of=yesterday`, 'as_of'],
  [`from=${crypto.randomUUID()}&valid_at=yesterday`, 'valid_at'],
  [`from=${crypto.randomUUID()}&direction=up`, 'direction'],
  [`from=${crypto.randomUUID()}&namespace=../x`, 'namespace'],
  [`from=${crypto.randomUUID()}&relation=`, 'relation'],
  [`from=${crypto.randomUUID()}&wat=1`, 'wat'],
])('%s is refused, naming %s, and the node is not asked', async (query, field) => {
  const before = d.seen.length
  const answer = await d.send('GET', `/graph?${query}`)
  expect([answer.status, d.seen.length, answer.text]).toEqual([400, before, expect.stringContaining(field)])
})

test('a rebuild is a write: it says what was made, and a browser of another origin may not ask for it', async () => {
  expect((await d.send('POST', '/projection/rebuild')).body).toEqual({
    digest: '22',
    commits: expect.any(Number),
    ms: 1,
  })
  const foreign = await d.send('POST', '/projection/rebuild', undefined, {
    headers: { origin: 'http://elsewhere.example' },
  })
  expect(foreign.status).toBe(403)
  expect((await d.send('GET', '/projection/rebuild')).status).toBe(405)
})
