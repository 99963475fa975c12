/** What a careless or hostile client puts into requests: sizes, shapes, texts, queries, keys. */
import { gzipSync } from 'node:zlib'
import { randomUUID } from 'node:crypto'
import type { Answer, RequestOptions } from '../../../deploy/local/http.ts'
import { expecting, listIn, textIn } from '../../../deploy/local/http.ts'
import type { Attack, Stage } from '../attack.ts'
import { openConnection } from '../raw-http.ts'

const MIB = 1024 * 1024
const named = ({ status, body }: Answer): string =>
  typeof body['error'] === 'string' ? `${status} ${body['error']}` : String(status)
const asked =
  (method: string, path: string, options?: RequestOptions) =>
  async (stage: Stage): Promise<string> =>
    named(await stage.victim.call(method, path, options))

/** A body as bytes, which `JSON.stringify` would not make. */
const posted =
  (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}, path = '/memories') =>
  async (stage: Stage): Promise<string> => {
    const response = await fetch(`${stage.victim.url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal: AbortSignal.timeout(10_000),
    })
    return named({
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Answer['body'],
    })
  }
/** @param head request line and headers without the empty line. */
const raw =
  (head: readonly string[], body: string | Uint8Array = '') =>
  async (stage: Stage): Promise<string> => {
    const connection = await openConnection(stage.victim.url)
    stage.later(connection.end)
    connection.write(`${head.join('\r\n')}\r\n\r\n`)
    connection.write(body)
    return connection.status()
  }
const HOST = 'host: 127.0.0.1'
const JSON_TYPE = 'content-type: application/json'
const row = (id: string, what: string, expect: string | RegExp, run: Attack['run']): Attack => ({
  id,
  who: 'client',
  what,
  expect,
  run,
})
const writing = (id: string, what: string, expect: string | RegExp, run: Attack['run']): Attack => ({
  id,
  who: 'client',
  what,
  expect,
  run,
  writes: true,
})
const text = (content: string): string => `{"content":${content},"namespace":"never"}`
const memory = (fields: object): RequestOptions => ({ body: { content: 'x', namespace: 'never', ...fields } })

const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) })

const made = async (stage: Stage, content: string): Promise<string> =>
  textIn(await expecting(201, stage.victim.call('POST', '/memories', { body: { content, namespace: 'keys' } })), 'id')
const versions = async (stage: Stage, id: string): Promise<number> =>
  listIn(await expecting(200, stage.victim.call('GET', `/memories/${id}/history`)), 'versions').length

export const bodyAttacks: readonly Attack[] = [
  row('bd-4.8-mb', 'a body of 4.8 MB', '413 too_large', posted(`{"content":"${'x'.repeat(4_800_000)}"}`)),
  row('bd-16-mb', 'a text of 16 MB', '413 too_large', posted(text(`"${'x'.repeat(16 * MIB)}"`))),
  row('bd-depth', '200,000 brackets', '400 malformed', posted('['.repeat(200_000))),
  row('bd-depth-objects', '100,000 objects within one another', '400 malformed', posted('{"a":'.repeat(100_000))),
  row(
    'bd-million-keys',
    'an object of 500,000 keys',
    '400 malformed',
    posted(`{${Array.from({ length: 300_000 }, (_, n) => `"k${n}":0`).join(',')}}`),
  ),
  row(
    'bd-proto',
    'the key __proto__',
    '400 malformed',
    posted('{"content":"x","namespace":"never","__proto__":{"a":1}}'),
  ),
  row(
    'bd-proto-escaped',
    'the key __proto__, escaped',
    '400 malformed',
    posted('{"content":"x","namespace":"never","\\u005f_proto__":{"a":1}}'),
  ),
  row(
    'bd-constructor',
    'the key constructor',
    '400 malformed',
    posted('{"content":"x","namespace":"never","constructor":{"prototype":{"a":1}}}'),
  ),
  row('bd-surrogate', 'half a surrogate pair', '400 malformed', posted(text('"\\ud800"'))),
  row('bd-nul', 'a NUL', '400 malformed', posted(text('"a\\u0000b"'))),
  row(
    'bd-1e400',
    'the number 1e400',
    '400 malformed',
    posted('{"content":"x","namespace":"never","metadata":{"n":1e400}}'),
  ),
  row(
    'bd-big-integer',
    'an integer beyond 2^53',
    '400 malformed',
    posted('{"content":"x","namespace":"never","metadata":{"n":9007199254740993}}'),
  ),
  row(
    'bd-utf8',
    'bytes that are no UTF-8',
    '400 malformed',
    posted(
      new Uint8Array([...new TextEncoder().encode('{"content":"'), 0xff, 0xfe, ...new TextEncoder().encode('"}')]),
    ),
  ),
  row(
    'bd-gzip-bomb',
    'a compressed body',
    '415 unsupported_media_type',
    posted(gzipSync(new Uint8Array(64 * MIB)), { 'content-encoding': 'gzip' }),
  ),
  row(
    'bd-type',
    'a body of another type',
    '415 unsupported_media_type',
    posted('{"content":"x"}', { 'content-type': 'text/xml' }),
  ),
  row('bd-empty', 'an empty body', '400 malformed', posted('')),
  row('bd-array', 'an array instead of a memory', '400 malformed', posted('[]')),
  row(
    'bd-text-64k',
    'a text of 64 KiB and a byte',
    '413 too_large',
    asked('POST', '/memories', memory({ content: 'x'.repeat(65_537) })),
  ),
  row(
    'bd-tags',
    '65 tags',
    '400 malformed',
    asked('POST', '/memories', memory({ tags: Array.from({ length: 65 }, (_, n) => `t${n}`) })),
  ),
  row('bd-priority', 'priority 11', '400 malformed', asked('POST', '/memories', memory({ priority: 11 }))),
  row('bd-confidence', 'confidence -0.5', '400 malformed', asked('POST', '/memories', memory({ confidence: -0.5 }))),
  row(
    'bd-metadata-depth',
    'metadata nested 30 deep',
    '400 malformed',
    asked('POST', '/memories', memory({ metadata: nested(30) })),
  ),
  row(
    'bd-year',
    'a time that is none',
    '400 malformed',
    asked('POST', '/memories', memory({ occurred_at: '2026-02-30T25:00:00Z' })),
  ),
  row(
    'bd-field',
    'a field that is none',
    '400 malformed',
    asked('POST', '/memories', memory({ id: 'x', peer_id: 'y' })),
  ),
  row(
    'bd-ns-dots',
    'the namespace ../etc',
    '400 malformed',
    asked('POST', '/memories', memory({ namespace: '../etc' })),
  ),
  row(
    'bd-ns-percent',
    'the namespace %2e%2e',
    '400 malformed',
    asked('POST', '/memories', memory({ namespace: '%2e%2e' })),
  ),
  row(
    'bd-ns-confusable',
    'a namespace in Cyrillic',
    '400 malformed',
    asked('POST', '/memories', memory({ namespace: 'tеam' })),
  ),
  row('bd-ns-empty', 'the empty namespace', '400 malformed', asked('POST', '/memories', memory({ namespace: '' }))),
  row(
    'bd-ns-long',
    'a namespace of 10 kB',
    '400 malformed',
    asked('POST', '/memories', memory({ namespace: 'a'.repeat(10_000) })),
  ),
  row(
    'bd-ns-control',
    'the namespace _mesh',
    '400 malformed',
    asked('POST', '/memories', memory({ namespace: '_mesh' })),
  ),
  row(
    'bd-bulk',
    'a bulk of 1,001',
    /^(400 malformed|413 too_large)$/,
    asked('POST', '/memories/bulk', {
      body: Array.from({ length: 1_001 }, () => ({ content: 'x', namespace: 'never' })),
    }),
  ),
  row('bd-agent', 'an agent id with a line break', '400 malformed', posted(text('"x"'), { 'x-agent-id': 'a b' })),
  row(
    'bd-key-long',
    'an Idempotency-Key of 10 kB',
    '400 malformed',
    posted(text('"x"'), { 'idempotency-key': 'k'.repeat(10_000) }),
  ),
  row('qr-limit-negative', 'limit=-1', '400 malformed', asked('GET', '/memories?limit=-1')),
  row('qr-limit-huge', 'limit=1000000000', '400 malformed', asked('GET', '/memories?limit=1000000000')),
  row('qr-limit-nan', 'limit=NaN', '400 malformed', asked('GET', '/recall?q=x&limit=NaN')),
  row('qr-quorum-huge', 'quorum=1000000000', '400 malformed', asked('POST', '/memories?quorum=1000000000', memory({}))),
  row('qr-cursor', 'a cursor of junk', '400 malformed', asked('GET', `/memories?cursor=${'Zm9v'.repeat(40)}`)),
  row(
    'qr-cursor-events',
    'a cursor of the log, of junk',
    '400 malformed',
    asked('GET', `/events?after=${'Zm9v'.repeat(40)}`),
  ),
  row(
    'qr-sql',
    'SQL in a question',
    '200',
    asked('GET', `/recall?namespace=default&q=${encodeURIComponent("'; drop table memories; --")}`),
  ),
  row(
    'qr-tsquery',
    'operators of a text search',
    '200',
    asked('GET', `/recall?namespace=default&q=${encodeURIComponent('a & ! ( | :* <-> "')}`),
  ),
  row(
    'qr-sql-tag',
    'SQL in a tag and an agent',
    '200',
    asked(
      'GET',
      `/memories?namespace=default&tags=${encodeURIComponent("a'); delete from memories; --")}&run_id=${encodeURIComponent("' or 1=1")}`,
    ),
  ),
  row(
    'qr-words',
    '3,000 different words in a question',
    /^(200|400 malformed)$/,
    asked('POST', '/recall', {
      body: {
        q: Array.from({ length: 3_000 }, (_, n) => `w${n}`)
          .join(' ')
          .slice(0, 8_000),
        namespace: 'default',
      },
    }),
  ),
  row(
    'qr-question-long',
    'a question of 100 kB',
    '400 malformed',
    asked('POST', '/recall', { body: { q: 'x '.repeat(50_000), namespace: 'default' } }),
  ),
  row(
    'qr-token',
    'a causal token of junk',
    '400 malformed',
    asked('GET', '/memories?namespace=default', { headers: { 'x-causal-token': 'AAAA' } }),
  ),
  row(
    'qr-wait',
    'a causal wait of a year',
    '400 malformed',
    asked('GET', '/memories?namespace=default', {
      headers: { 'x-causal-token': 'AAAA', 'x-causal-wait': '31536000000' },
    }),
  ),
  row('qr-absent-alike', 'ids that are absent, malformed and forgotten', 'the same words', async (stage) => {
    const answers = await Promise.all(
      [randomUUID(), 'nonsense', '../../etc/passwd'.replaceAll('/', '%2f')].map((id) =>
        stage.victim.call('GET', `/memories/${id}`),
      ),
    )
    return new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size === 1 &&
      answers[0]!.status === 404
      ? 'the same words'
      : answers.map(named).join(', ')
  }),
  row(
    'qr-percent',
    'a path that is no UTF-8',
    '400',
    raw(['GET /api/v1/memories/%ff%fe HTTP/1.1', HOST, 'connection: close']),
  ),
  row(
    'rq-smuggled',
    'a length and chunks at once',
    '400',
    raw(
      ['POST /api/v1/memories HTTP/1.1', HOST, JSON_TYPE, 'content-length: 4', 'transfer-encoding: chunked'],
      '0\r\n\r\nGET /api/v1/health HTTP/1.1\r\n\r\n',
    ),
  ),
  row(
    'rq-two-lengths',
    'two lengths',
    '400',
    raw(['POST /api/v1/memories HTTP/1.1', HOST, JSON_TYPE, 'content-length: 4', 'content-length: 5'], '{}{}'),
  ),
  row(
    'rq-length-negative',
    'a length of -1',
    '400',
    raw(['POST /api/v1/memories HTTP/1.1', HOST, JSON_TYPE, 'content-length: -1'], '{}'),
  ),
  row(
    'rq-chunk-size',
    'a chunk of 2^64 bytes',
    /^(400|closed)$/,
    raw(['POST /api/v1/memories HTTP/1.1', HOST, JSON_TYPE, 'transfer-encoding: chunked'], 'fffffffffffffffff\r\nx'),
  ),
  row(
    'rq-headers-large',
    'headers of 40 KiB',
    '431',
    raw(['GET /api/v1/health HTTP/1.1', HOST, `x-large: ${'x'.repeat(40 * 1024)}`]),
  ),
  row(
    'rq-headers-many',
    '2,000 headers',
    '431',
    raw(['GET /api/v1/health HTTP/1.1', HOST, ...Array.from({ length: 2_000 }, (_, n) => `x-${n}: ${'y'.repeat(20)}`)]),
  ),
  row(
    'rq-line-feed',
    'a header folded onto a second line',
    '400',
    raw(['GET /api/v1/health HTTP/1.1', HOST, 'x-a: b\r\n c']),
  ),
  row('rq-no-http', 'a TLS greeting', /^(400|closed)$/, raw(['\u0016\u0003\u0001\u0002\u0000'])),
  row(
    'rq-method',
    'the method PROPFIND',
    /^(404|405|400)$/,
    raw(['PROPFIND /api/v1/memories HTTP/1.1', HOST, 'connection: close']),
  ),
  row('rq-put-list', 'PUT where only POST is', /^(404|405) /, asked('PUT', '/memories', memory({}))),
  row(
    'rq-put-absent',
    'PUT of a memory that is not',
    '404 not_found',
    asked('PUT', `/memories/${randomUUID()}`, { body: { content: 'x' } }),
  ),
  row(
    'rq-trace',
    'TRACE',
    /^(404|405|400)$/,
    raw(['TRACE /api/v1/memories HTTP/1.1', HOST, 'x-secret: 1', 'connection: close']),
  ),
  writing('id-other-body', 'one Idempotency-Key with two bodies', '201 then 409', async (stage) => {
    const key = randomUUID()
    const answers = []
    for (const content of ['one', 'two'])
      answers.push(
        (
          await stage.victim.call('POST', '/memories', {
            body: { content, namespace: 'keys' },
            headers: { 'idempotency-key': key },
          })
        ).status,
      )
    return answers.join(' then ')
  }),
  writing('id-raced', 'one keyed write 10 times at once', 'one id', async (stage) => {
    const key = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        stage.victim.call('POST', '/memories', {
          body: { content: 'raced', namespace: 'keys' },
          headers: { 'idempotency-key': key },
        }),
      ),
    )
    const ids = new Set(answers.map(({ status, body }) => (status === 201 ? String(body['id']) : String(status))))
    return ids.size === 1 ? 'one id' : [...ids].join(', ')
  }),
  writing('id-patch', 'one keyed PATCH three times', '200 200 200, one change', async (stage) => {
    const id = await made(stage, 'to be patched')
    const before = await versions(stage, id)
    const key = randomUUID()
    const statuses = []
    for (let n = 0; n < 3; n++)
      statuses.push(
        (
          await stage.victim.call('PATCH', `/memories/${id}`, {
            body: { title: 'patched' },
            headers: { 'idempotency-key': key },
          })
        ).status,
      )
    const more = (await versions(stage, id)) - before
    return `${statuses.join(' ')}, ${more === 1 ? 'one change' : `${more} changes`}`
  }),
  writing('id-delete', 'one keyed DELETE twice', '200 200', async (stage) => {
    const id = await made(stage, 'to be forgotten')
    const key = randomUUID()
    const statuses = []
    for (let n = 0; n < 2; n++)
      statuses.push(
        (await stage.victim.call('DELETE', `/memories/${id}`, { headers: { 'idempotency-key': key } })).status,
      )
    return statuses.join(' ')
  }),
  writing('id-late-patch', "a keyed PATCH repeated after somebody else's change", 'theirs stays', async (stage) => {
    const id = await made(stage, 'to be patched by two')
    const key = randomUUID()
    await stage.victim.call('PATCH', `/memories/${id}`, {
      body: { title: 'mine' },
      headers: { 'idempotency-key': key },
    })
    await stage.victim.call('PATCH', `/memories/${id}`, { body: { title: 'theirs' } })
    await stage.victim.call('PATCH', `/memories/${id}`, {
      body: { title: 'mine' },
      headers: { 'idempotency-key': key },
    })
    const { body } = await stage.victim.call('GET', `/memories/${id}`)
    return JSON.stringify(body['memory']).includes('"title":"theirs"') ? 'theirs stays' : 'overwritten'
  }),
  {
    ...writing(
      'vs-history',
      'the history of a memory that was changed 300 times',
      'answered, nobody waits',
      async (stage) => {
        const id = await made(stage, 'changed often')
        for (let n = 0; n < 300 && !stage.over(); n += 20)
          await Promise.all(
            Array.from({ length: 20 }, (_, k) =>
              stage.victim.call('PATCH', `/memories/${id}`, { body: { title: `title ${n + k}` } }),
            ),
          )
        const { status } = await stage.victim.call('GET', `/memories/${id}/history`)
        return status === 200 ? 'answered, nobody waits' : String(status)
      },
    ),
    slow: '300 writes',
  },
]
