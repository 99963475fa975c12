/** What an import may say of who said it elsewhere: the headers, over a real socket. */
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

const ID = '019b76da-a805-783f-a04c-fd6589b5d65f'
const storing = (headers: Readonly<Record<string, string>>) =>
  d.send('POST', '/memories', { content: 'x' }, { headers: { 'x-agent-id': 'ai:bob', ...headers } })

test('who said it stands under both names, with its time and its id', async () => {
  const answer = await storing({
    'x-imported-agent': 'ai:alice',
    'x-imported-at': '2020-01-01T01:00:00+01:00',
    'x-imported-id': ID.toUpperCase(),
    'x-imported-beside': 'true',
  })
  expect(answer.status).toBe(201)
  expect(d.seen.at(-1)!.arguments[2]).toEqual({
    agent: 'ai:bob',
    imported: { agent: 'ai:alice~imported-by~ai:bob', at: '2020-01-01T00:00:00.000Z', id: ID, beside: true },
  })
})

test('what was imported before keeps its first name, and has the last who brought it', async () => {
  await storing({ 'x-imported-agent': 'ai:alice~imported-by~ai:carol' })
  expect(d.seen.at(-1)!.arguments[2]).toMatchObject({ imported: { agent: 'ai:alice~imported-by~ai:bob' } })
})

test.each([
  ['a time without a name', { 'x-imported-at': '2020-01-01T00:00:00Z' }, 'X-Imported-At needs X-Imported-Agent'],
  ['an id without a name', { 'x-imported-id': ID }, 'X-Imported-Id needs X-Imported-Agent'],
  ['beside without an id', { 'x-imported-agent': 'a', 'x-imported-beside': 'true' }, 'names no memory'],
  ['no time', { 'x-imported-agent': 'a', 'x-imported-at': 'yesterday' }, 'X-Imported-At is no time'],
  ['no day', { 'x-imported-agent': 'a', 'x-imported-at': '2020-13-41T00:00:00Z' }, 'X-Imported-At is no time'],
  ['no id', { 'x-imported-agent': 'a', 'x-imported-id': 'x' }, 'X-Imported-Id is no UUID'],
  ['a name of a kilobyte', { 'x-imported-agent': 'a'.repeat(1_000) }, 'the agent id in X-Imported-Agent'],
  ['names too long together', { 'x-imported-agent': 'a'.repeat(128) }, 'have more than 115 bytes together'],
])('%s is refused by name', async (_what, headers, message) => {
  const answer = await storing(headers)
  expect([answer.status, answer.body['error']]).toEqual([400, 'malformed'])
  expect(answer.body['message']).toContain(message)
})
