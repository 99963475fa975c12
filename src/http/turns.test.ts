/** No request takes more than 50 ms of processor time in one turn of the event loop: the door's own part of it. */
import { afterAll, beforeAll, expect, test } from 'vitest'

import { limits } from '../../crdt/limits.ts'
import { longestTurn, TICK_MS } from '../testing/turn-cpu.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
  // Compiled once, when first asked: that is the start's time, not a request's.
  await d.send('POST', '/memories/bulk', [{ content: 'warm' }])
  await d.send('GET', '/memories?limit=1')
})
afterAll(() => d.door.close())

/** Bytes as they go over the wire, by a client that costs next to nothing in this process. */
const ask = async (method: string, path: string, body?: Buffer): Promise<number> => {
  const response = await fetch(`${d.url}/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
  })
  for await (const chunk of response.body ?? []) void chunk
  return response.status
}
const jsonOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const full = {
  title: 't'.repeat(100),
  tags: Array.from({ length: 16 }, (_, i) => `tag ${i}`),
  metadata: { a: [1, 2, 3] },
  namespace: 'turns',
  occurred_at: '2024-01-01T00:00:00Z',
}

const REQUESTS: readonly (readonly [
  name: string,
  method: string,
  path: string,
  body: () => Buffer | undefined,
  status: number,
])[] = [
  [
    'a bulk of 1,000, all fields, 4 MB',
    'POST',
    '/memories/bulk',
    () =>
      jsonOf(
        Array.from({ length: limits.bulk_memories_max }, (_, i) => ({ ...full, content: `${i} ${'x'.repeat(3_000)}` })),
      ),
    201,
  ],
  [
    '4 MB of small values',
    'POST',
    '/memories',
    () =>
      jsonOf({
        content: 'x',
        metadata: Array.from({ length: limits.request_json_values_max - 100 }, (_, i) => `${i}`.padEnd(26)),
      }),
    400,
  ],
  ['4 MB of escapes', 'POST', '/memories', () => jsonOf({ content: '\n'.repeat(2_000_000) }), 413],
  ['a list of 1,000', 'GET', '/memories?limit=1000&namespace=turns', () => undefined, 200],
  ["the API's document", 'GET', '/openapi.json', () => undefined, 200],
]

test.each(REQUESTS)('%s', async (_name, method, path, body, status) => {
  const bytes = body()
  const { value, ms } = await longestTurn(() => ask(method, path, bytes))
  expect(value).toBe(status)
  // The client's and the double's own work is in it.
  expect(ms).toBeLessThan(50 + 2 * TICK_MS)
})

test('a list of 64 KiB each, 24 MB in all, comes whole and in parts', async () => {
  for (let i = 0; i < 6; i++)
    await ask(
      'POST',
      '/memories/bulk',
      jsonOf(Array.from({ length: 60 }, () => ({ content: 'y'.repeat(limits.content_bytes_max), namespace: 'large' }))),
    )
  const { value, ms } = await longestTurn(() => ask('GET', '/memories?limit=1000&namespace=large'))
  expect(value).toBe(200)
  expect(ms).toBeLessThan(50 + 2 * TICK_MS)
  const { body } = await d.send('GET', '/memories?limit=1000&namespace=large')
  expect([
    (body['memories'] as { content: string }[]).every(({ content }) => content.length === limits.content_bytes_max),
    body['count'],
    body['next_cursor'],
    body['lag'],
  ]).toEqual([true, 360, null, 0])
}, 120_000)
