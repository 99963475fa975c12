/**
 * A small peer for tests of the command line: real HTTP on loopback, memories in a map, and the promises that an import
 * rests on — the same key and body give the same id, another body is a conflict, pages have cursors, links are one each.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Row = Record<string, unknown> & {
  readonly id: string
  readonly namespace: string
  readonly content: string
  readonly title: string | null
}
export type LinkRow = {
  readonly from: string
  readonly to: string
  readonly relation: string
  readonly removed: boolean
  readonly valid_from: string | null
  readonly valid_until: string | null
}
export type Seen = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
  readonly bytes: number
}
type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }

export type TestServer = {
  readonly url: string
  readonly rows: Map<string, Row>
  readonly links: LinkRow[]
  readonly seen: Seen[]
  /** Answers the next matching requests instead; each is used once. */
  readonly scripted: ((request: Seen) => Answer | null)[]
  /** Most requests for `POST /memories/bulk` that were open at one time. */
  bulkOpenMost: number
  close(): Promise<void>
}

type Refusal = {
  readonly error: string
  readonly message: string
  /** The memory whose key it was. */ readonly was?: string
}
type LinkInput = Pick<LinkRow, 'from' | 'to' | 'relation'> & {
  readonly valid_from?: string
  readonly valid_until?: string
}

export const startTestServer = async (
  options: { readonly pageSize?: number; readonly key?: string } = {},
): Promise<TestServer> => {
  const rows = new Map<string, Row>()
  const bodyByKey = new Map<string, { readonly body: string; readonly id: string }>()
  const forgotten = new Map<string, Row>()
  const links: LinkRow[] = []
  const seen: Seen[] = []
  const scripted: TestServer['scripted'] = []
  let bulkOpen = 0
  let made = 0

  const create = (input: unknown): Row | Refusal => {
    const { namespace = 'default', idempotency_key, ...fields } = input as Record<string, unknown>
    const { content, title = null, tags = [] } = fields
    if (typeof content !== 'string' || content === '') return { error: 'malformed', message: 'content is missing' }
    if (content.includes('spoil')) return { error: 'refused', message: 'content is spoilt' }
    const bytes = Buffer.byteLength(content)
    if (bytes > 65_536) return { error: 'too_large', message: `content has ${bytes} bytes; at most 65536` }
    const text = JSON.stringify(input)
    const key = typeof idempotency_key === 'string' ? `${String(namespace)} ${idempotency_key}` : null
    const before = key === null ? undefined : bodyByKey.get(key)
    if (before !== undefined && before.body !== text)
      return { error: 'idempotency_conflict', message: 'this key came with another body', was: before.id }
    if (before !== undefined)
      return rows.get(before.id) ?? forgotten.get(before.id) ?? { error: 'internal', message: 'its memory is gone' }
    const id = uuid(key ?? `${made}`)
    const row: Row = {
      kind: 'note',
      tier: 'mid',
      tags,
      priority: 5,
      confidence: 1,
      metadata: {},
      source: null,
      scope: null,
      run_id: null,
      occurred_at: null,
      expires_at: null,
      ...fields,
      id,
      namespace: String(namespace),
      content,
      title: title as string | null,
      agent_id: 'anonymous',
      created_by: { agent_id: 'anonymous', peer_id: 'ab'.repeat(32) },
      created_at: new Date(1_700_000_000_000 + made).toISOString(),
      updated_at: new Date(1_700_000_000_000 + made).toISOString(),
      version: `v${made}`,
      forgotten: false,
      erased: false,
      conflicts: 0,
    }
    made++
    rows.set(id, row)
    if (key !== null) bodyByKey.set(key, { body: text, id })
    return row
  }

  const written = (row: Row): Record<string, unknown> => ({
    id: row.id,
    namespace: row.namespace,
    title: row.title,
    tier: 'mid',
    agent_id: 'anonymous',
    event_id: uuid(`e${row.id}`),
    quorum_acks: 2,
    receipt: { commit: '', chain: '', seq: 1, header: '', acks: [] },
    token: 'T1',
  })
  const notFound: Answer = { status: 404, body: { error: 'not_found', message: 'no such memory' } }

  const routes: Record<string, (request: Seen) => Answer> = {
    'GET /health': () => ({
      status: 200,
      body: {
        status: 'ok',
        version: '0',
        peer_id: 'ab'.repeat(32),
        name: 'berlin',
        mesh_id: 'cd'.repeat(32),
        members: 3,
        voters: 3,
        quorum: 2,
        connected: 2,
        projection: 'pglite',
        projection_lag: 0,
        search: 'ready',
        embedder: 'none',
        disk: null,
        embedder_ready: false,
        federation_enabled: true,
        reasons: [],
      },
    }),
    'GET /peers': () => ({
      status: 200,
      body: {
        count: 1,
        peers: [
          {
            peer_id: 'ab'.repeat(32),
            name: 'berlin',
            role: 'voter',
            self: true,
            revoked: false,
            link: 'self',
            addresses: [],
            round_trip_ms: null,
            commits_behind: null,
            last_error: null,
          },
        ],
      },
    }),
    'GET /quorum': () => ({ status: 200, body: { quorum: 2, voters: 3 } }),
    'GET /stats': () => ({
      status: 200,
      body: { total: rows.size, by_namespace: countBy([...rows.values()].map((row) => row.namespace)) },
    }),
    'GET /namespaces': () => ({
      status: 200,
      body: {
        namespaces: Object.entries(countBy([...rows.values()].map((row) => row.namespace))).map(
          ([namespace, memories]) => ({ namespace, memories, updated_at: '2026-01-01T00:00:00.000Z' }),
        ),
      },
    }),
    'POST /projection/rebuild': () => ({ status: 200, body: { digest: 'ef'.repeat(32), commits: 1234, ms: 2_500 } }),
    'POST /verify': () => ({
      status: 200,
      body: { ok: true, commits: 3, events: 3, bodies: 1, chains: 1, problems: [] },
    }),
    'POST /memories': ({ body }) => {
      const row = create(body)
      return 'error' in row ? { status: 422, body: row } : { status: 201, body: written(row) }
    },
    'POST /memories/bulk': ({ body }) => {
      const entries = Array.isArray(body) ? (body as unknown[]) : (body as { memories: unknown[] }).memories
      if (entries.some((entry) => JSON.stringify(entry).includes('\\u0000')))
        return { status: 400, body: { error: 'malformed', message: 'NUL in a text' } }
      const made_before = made
      const results = entries.map(create)
      const errors = results.flatMap((row, index) =>
        'error' in row && !('id' in row)
          ? [{ index, error: row.error, message: row.message, ...(row.was === undefined ? {} : { id: row.was }) }]
          : [],
      )
      const ids = results.map((row) => ('id' in row ? row.id : null))
      return {
        status: errors.length === entries.length ? 422 : 201,
        body: {
          ...(errors.length === entries.length ? { error: 'refused', message: 'none fits' } : {}),
          created: made - made_before,
          ids,
          errors,
          quorum_acks: 2,
          token: 'T2',
        },
      }
    },
    'GET /memories': ({ query }) => {
      const all = [...rows.values()]
        .filter((row) => query.get('namespace') === null || row.namespace === query.get('namespace'))
        .reverse()
      const from = Number(query.get('cursor') ?? 0)
      const size = Math.min(options.pageSize ?? 1_000, Number(query.get('limit') ?? 200))
      const memories = all.slice(from, from + size)
      return {
        status: 200,
        body: { memories, count: memories.length, next_cursor: from + size < all.length ? String(from + size) : null },
      }
    },
    'POST /recall': ({ body }) => {
      const q = String((body as Record<string, unknown>)['q'])
      const memories = [...rows.values()]
        .filter((row) => row.content.includes(q))
        .map((row) => ({ ...row, score: 0.5 }))
      return { status: 200, body: { memories, count: memories.length, mode: 'lexical', frontier: {} } }
    },
    'POST /links': ({ body }) => {
      const { from, to, relation, valid_from = null, valid_until = null } = body as LinkInput
      if (!rows.has(from) || !rows.has(to)) return notFound
      if (!links.some((link) => link.from === from && link.to === to && link.relation === relation))
        links.push({ from, to, relation, valid_from, valid_until, removed: false })
      return { status: 201, body: { id: uuid(`${from}${to}${relation}`), link: body, token: 'T3' } }
    },
  }

  const answerTo = (request: Seen): Answer => {
    for (const [index, script] of scripted.entries()) {
      const answer = script(request)
      if (answer === null) continue
      scripted.splice(index, 1)
      return answer
    }
    if (
      options.key !== undefined &&
      request.path !== '/health' &&
      request.headers.authorization !== `Bearer ${options.key}`
    )
      return { status: 401, body: { error: 'unauthorized', message: 'no key' } }
    const [, resource, id] = request.path.split('/')
    const exact = routes[`${request.method} ${request.path}`]
    if (exact !== undefined) return exact(request)
    const row = rows.get(id ?? '')
    if (row === undefined) return notFound
    const own = links.filter((link) => link.from === id || link.to === id)
    if (resource === 'links') return { status: 200, body: { links: own, count: own.length } }
    if (request.method === 'GET') return { status: 200, body: { memory: row, links: own, conflicts: [] } }
    if (request.method === 'DELETE') {
      rows.delete(row.id)
      forgotten.set(row.id, row)
    }
    if (request.method === 'PATCH')
      rows.set(row.id, { ...row, ...(request.body as Record<string, unknown>), version: `v${++made}` })
    return { status: 200, body: written(row) }
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const url = new URL(request.url ?? '/', 'http://x')
    const asked: Seen = {
      method: request.method ?? '',
      path: url.pathname.replace(/^\/api\/v1/, ''),
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
      bytes: Buffer.byteLength(text),
    }
    seen.push(asked)
    const bulk = asked.path === '/memories/bulk'
    if (bulk) server_.bulkOpenMost = Math.max(server_.bulkOpenMost, ++bulkOpen)
    // Two turns of the event loop, so that requests under way together are seen together.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    if (bulk) bulkOpen--
    const answer = answerTo(asked)
    response
      .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      .end(JSON.stringify(answer.body))
  }

  const server = createServer(
    (request, response) =>
      void handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error))),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const server_: TestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rows,
    links,
    seen,
    scripted,
    bulkOpenMost: 0,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return server_
}

const uuid = (text: string): string =>
  createHash('sha256')
    .update(text)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')

const countBy = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
