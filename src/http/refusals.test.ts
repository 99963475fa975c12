/** What must not get in, name by name: refused in one shape, the node never asked, the door alive. */
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { limits } from '../../crdt/limits.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'
import { httpLimits } from './limits.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

const KIB = 1024
const json = (fields: object) => JSON.stringify({ content: 'x', ...fields })
const REFUSED_BODIES: readonly (readonly [name: string, body: string | Uint8Array, status: number, says?: string])[] = [
  ['no JSON', '{"content":', 400],
  ['no body', '', 400],
  ['null', 'null', 400],
  ['an array', '[]', 400],
  ['no content', '{}', 400, 'content'],
  ['content null', '{"content":null}', 400, 'content'],
  ['content a number (no coercion)', '{"content":1}', 400, 'content'],
  ['content empty', '{"content":""}', 400, 'content'],
  ['content a byte over 64 KiB', json({ content: 'x'.repeat(64 * KIB + 1) }), 413, 'content'],
  ['content over 64 KiB by its bytes alone', json({ content: 'ä'.repeat(32 * KIB + 1) }), 413, 'content'],
  ['title over 1 KiB', json({ title: 'x'.repeat(KIB + 1) }), 413, 'title'],
  ['metadata over 16 KiB', json({ metadata: { a: 'x'.repeat(16 * KIB) } }), 413, 'metadata'],
  ['request over 4 MiB', json({ content: 'x'.repeat(4 * KIB * KIB) }), 413],
  ['an unknown field', json({ surprise: 1 }), 400, 'surprise'],
  ['an internal field', json({ peer_id: 'x' }), 400, 'peer_id'],
  ['kind over 256 bytes', json({ kind: 'x'.repeat(257) }), 400, 'kind'],
  ['kind empty', json({ kind: '' }), 400, 'kind'],
  ['priority a string (no coercion)', json({ priority: '5' }), 400, 'priority'],
  ['priority 0', json({ priority: 0 }), 400, 'priority'],
  ['priority 11', json({ priority: 11 }), 400, 'priority'],
  ['priority 1.5', json({ priority: 1.5 }), 400, 'priority'],
  ['confidence over 1', json({ confidence: 1.01 }), 400, 'confidence'],
  ['confidence below 0', json({ confidence: -0.01 }), 400, 'confidence'],
  ['confidence NaN', '{"content":"x","confidence":NaN}', 400],
  ['tags a string', json({ tags: 'a' }), 400, 'tags'],
  ['65 tags', json({ tags: Array.from({ length: 65 }, (_, i) => `t${i}`) }), 400, 'tags'],
  ['a tag of 129 bytes', json({ tags: ['x'.repeat(129)] }), 400, 'tags'],
  ['metadata an array', json({ metadata: [] }), 400, 'metadata'],
  ['occurred_at a date', json({ occurred_at: '2024-01-01' }), 400, 'occurred_at'],
  ['occurred_at a day that is none', json({ occurred_at: '2023-02-29T00:00:00Z' }), 400, 'occurred_at'],
  ['occurred_at without a zone', json({ occurred_at: '2024-01-01T00:00:00' }), 400, 'occurred_at'],
  ['occurred_at before the year 1', json({ occurred_at: '0000-12-31T23:59:59Z' }), 400, 'occurred_at'],
  ['occurred_at before the year 1 in UTC', json({ occurred_at: '0001-01-01T00:00:00+01:00' }), 400, 'occurred_at'],
  ['occurred_at after the year 9999 in UTC', json({ occurred_at: '9999-12-31T23:59:59-01:00' }), 400, 'occurred_at'],
  ['occurred_at a number', json({ occurred_at: 1 }), 400, 'occurred_at'],
  ['namespace climbing', json({ namespace: '../x' }), 400, 'namespace'],
  ['namespace encoded', json({ namespace: '%2e%2e' }), 400, 'namespace'],
  ['namespace empty', json({ namespace: '' }), 400, 'namespace'],
  ['namespace in capitals', json({ namespace: 'Team' }), 400, 'namespace'],
  ['namespace of confusables', json({ namespace: 'tеam' }), 400, 'namespace'],
  ['namespace of 10 kB', json({ namespace: 'a'.repeat(10_000) }), 400, 'namespace'],
  ['the control namespace', json({ namespace: '_mesh' }), 400, 'namespace'],
  ['namespace of nine parts', json({ namespace: 'a/b/c/d/e/f/g/h/i' }), 400, 'namespace'],
  ['NUL', '{"content":"a\\u0000b"}', 400, 'NUL'],
  ['NUL in a key', '{"content":"x","metadata":{"a\\u0000":1}}', 400, 'NUL'],
  ['half a surrogate pair', '{"content":"\\ud800"}', 400, 'surrogate'],
  ['half a pair, deep', '{"content":"x","metadata":{"a":[{"b":"\\udfff"}]}}', 400, 'surrogate'],
  ['a pair the wrong way round', '{"content":"\\udf31\\ud83c"}', 400, 'surrogate'],
  ['__proto__', '{"content":"x","__proto__":{"admin":true}}', 400, '__proto__'],
  ['__proto__ written with escapes', '{"content":"x","\\u005f_proto__":1}', 400, '__proto__'],
  ['constructor', '{"content":"x","constructor":{"prototype":1}}', 400, 'constructor'],
  ['an integer beyond 2^53', '{"content":"x","metadata":{"n":9007199254740993}}', 400, '2^53'],
  ['a negative one', '{"content":"x","metadata":{"n":-9007199254740992 }}', 400, '2^53'],
  ['1e400', '{"content":"x","metadata":{"n":1e400}}', 400, 'too large'],
  [
    'bytes that are no UTF-8',
    Uint8Array.from([...Buffer.from('{"content":"'), 0xff, ...Buffer.from('"}')]),
    400,
    'UTF-8',
  ],
  [
    'a UTF-8 surrogate',
    Uint8Array.from([...Buffer.from('{"content":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
    400,
    'UTF-8',
  ],
]

describe('bodies of POST /memories', () => {
  test.each(REFUSED_BODIES)('%s', async (_name, body, status, says = '') => {
    const calls = d.seen.length
    const answer = await d.send('POST', '/memories', body)
    expect([answer.status, answer.text]).toEqual([status, answer.text])
    expect(answer.body['error']).toBe(status === 413 ? 'too_large' : 'malformed')
    expect(answer.body['message']).toContain(says)
    expect(answer.text).not.toContain('\n')
    expect(answer.text.length).toBeLessThan(600)
    expect(d.seen.length).toBe(calls)
  })

  test('what lies just within the bounds is stored', async () => {
    for (const body of [
      json({ content: 'ä'.repeat(32 * KIB) }),
      json({ title: 'x'.repeat(KIB) }),
      json({ tags: Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(128, 'x')) }),
      json({ namespace: 'a/b/c/d/e/f/g/h' }),
      '{"content":"\\ud83c\\udf31 \\u00e4","metadata":{"n":9007199254740991,"f":0.30000000000000004,"e":6.02214076e23}}',
      json({ content: 'constructor and "__proto__"' }),
      '{"content":"x","metadata":{"constructor":{"prototype":1},"__proto__":{"a":1},"n":1500000000000000000,"m":100000000000000000000}}',
    ]) {
      expect([body, (await d.send('POST', '/memories', body)).status]).toEqual([body, 201])
    }
  })

  test('duplicate keys: the last one counts, as JSON.parse has it', async () => {
    const id = String((await d.send('POST', '/memories', '{"content":"a","content":"b"}')).body['id'])
    expect(((await d.send('GET', `/memories/${id}`)).body['memory'] as { content: string }).content).toBe('b')
  })
})

type Headers = Readonly<Record<string, string>>
const REFUSED_REQUESTS: [name: string, method: string, path: string, headers?: Headers, status?: number][] = [
  ['limit −1', 'GET', '/memories?limit=-1'],
  ['limit 0', 'GET', '/memories?limit=0'],
  ['limit 10^9', 'GET', '/memories?limit=1000000000'],
  ['limit 1001', 'GET', '/memories?limit=1001'],
  ['limit 1.5', 'GET', '/memories?limit=1.5'],
  ['limit 1e2', 'GET', '/memories?limit=1e2'],
  ['limit 0x10', 'GET', '/memories?limit=0x10'],
  ['limit empty', 'GET', '/memories?limit='],
  ['limit twice', 'GET', '/memories?limit=1&limit=2'],
  ['limit of recall over its most', 'GET', `/recall?q=x&limit=${limits.recall_limit_max + 1}`],
  ['limit of episodes over its most', 'GET', '/agents/a/memory/episodic?limit=501'],
  ['an unknown parameter', 'GET', '/memories?as_off=x'],
  ['__proto__ as a parameter', 'GET', '/memories?__proto__=x'],
  ['NUL in the query', 'GET', '/recall?q=a%00b'],
  ['recall without a question', 'GET', '/recall'],
  ['a list of names of 8 KiB and one', 'GET', `/recall?q=x&kinds=${'x'.repeat(8 * KIB + 1)}`],
  ['explain neither true nor false', 'GET', '/recall?q=x&explain=yes'],
  ['max_tokens 0', 'GET', '/recall?q=x&max_tokens=0'],
  ['a namespace that climbs', 'GET', '/memories?namespace=..%2fx'],
  ['since that is no time', 'GET', '/memories?since=yesterday'],
  ['an agent filter with a space', 'GET', '/memories?agent_id=a%20b'],
  ['an agent in the path with a space', 'GET', '/agents/a%20b/memory/episodic'],
  ['quorum 0', 'POST', '/memories?quorum=0'],
  ['quorum −1', 'POST', '/memories?quorum=-1'],
  ['quorum many', 'POST', '/memories?quorum=all'],
  ['erase maybe', 'DELETE', '/memories/01890000-0000-7000-8000-000000000000?erase=maybe'],
  ['an agent id with a space', 'POST', '/memories', { 'x-agent-id': 'a b' }],
  ['an agent id of 129 bytes', 'POST', '/memories', { 'x-agent-id': 'a'.repeat(129) }],
  ['an empty idempotency key', 'POST', '/memories', { 'idempotency-key': '' }],
  ['an idempotency key of 257 bytes', 'POST', '/memories', { 'idempotency-key': 'k'.repeat(257) }],
  ['a wait that is no number', 'GET', '/memories', { 'x-causal-token': 't', 'x-causal-wait': 'long' }],
  [
    'a wait beyond the most',
    'GET',
    '/memories',
    { 'x-causal-token': 't', 'x-causal-wait': String(limits.causal_wait_ms_max + 1) },
  ],
  ['a token beyond the most', 'GET', '/memories', { 'x-causal-token': 't'.repeat(limits.causal_token_bytes_max + 1) }],
  ['a cursor of 2 KiB and one', 'GET', `/memories?cursor=${'c'.repeat(httpLimits.cursor_bytes_max + 1)}`],
  ['a path that is no percent-encoding', 'GET', '/memories/%zz'],
  ['text/plain', 'POST', '/memories', { 'content-type': 'text/plain' }, 415],
  ['a form', 'POST', '/memories', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['a compressed body', 'POST', '/memories', { 'content-encoding': 'gzip' }, 415],
  ['an unknown route', 'GET', '/nowhere', {}, 404],
  ['a method the path does not have', 'DELETE', '/memories', {}, 405],
]

describe('requests', () => {
  test.each(REFUSED_REQUESTS)('%s', async (...[_name, method, path, headers = {}, status = 400]) => {
    const calls = d.seen.length
    const answer = await d.send(method, path, method === 'POST' ? { content: 'x' } : undefined, { headers })
    expect([answer.status, answer.text]).toEqual([status, answer.text])
    expect(Object.keys(answer.body)).toEqual(expect.arrayContaining(['error', 'message']))
    expect(d.seen.length).toBe(calls)
  })

  test('405 names the methods that are served', async () => {
    expect((await d.send('PUT', '/links')).headers.get('allow')).toBe('POST, DELETE')
  })

  test("an episode's fields have their bounds", async () => {
    const post = (fields: object) => d.send('POST', '/agents/a/memory/episodic', { event_type: 'x', ...fields })
    for (const bad of [
      { event_type: 'x'.repeat(65) },
      { event_type: '' },
      { sender: 'x'.repeat(129) },
      { recipient: 'x'.repeat(129) },
      { audit_event_hash: 'x'.repeat(65) },
      { body: 'text' },
      { body: [] },
      { wat: 1 },
      { namespace: '_mesh' },
    ])
      expect([bad, (await post(bad)).status]).toEqual([bad, 400])
    expect((await post({ body: { a: 'x'.repeat(limits.episode_body_bytes_max) } })).status).toBe(413)
    expect(
      (await post({ event_type: 'x'.repeat(64), sender: 'x'.repeat(128), audit_event_hash: 'x'.repeat(64) })).status,
    ).toBe(201)
  })
})

/** Writes `text` to a fresh socket and answers all that comes back until it is closed. */
const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(d.url).port), '127.0.0.1', () => socket.write(text))
    let received = ''
    socket.setTimeout(5_000, () => socket.destroy(new Error('the door did not close the connection')))
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
  })

describe('below HTTP', () => {
  test('what is no HTTP is refused in the shape of every refusal', async () => {
    const answer = await raw('HELLO\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ error: 'malformed' })
  })

  test('headers beyond their bytes are 431', async () => {
    expect(
      await raw(
        `GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(httpLimits.http_header_bytes_max)}\r\n\r\n`,
      ),
    ).toMatch(/^HTTP\/1\.1 431 /)
  })

  test('a length that lies, or two, is refused', async () => {
    expect(
      await raw(
        'POST /api/v1/memories HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}',
      ),
    ).toMatch(/^HTTP\/1\.1 400 /)
    expect(
      await raw(
        'POST /api/v1/memories HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
      ),
    ).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('and the door still answers', async () => {
    expect((await d.send('GET', '/health')).status).toBe(200)
  })
})
