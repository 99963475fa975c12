/** `/mcp` over real sockets: both eras with the official client, what clients leave out, access, bounds and refusals. */
import { request as rawRequest } from 'node:http'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NodeError } from '../errors.ts'
import { openDoor, type TestDoor } from '../http/testing/door-client.ts'
import { longestTurn, TICK_MS } from '../testing/turn-cpu.ts'
import { CORE } from './core.ts'
import { createMcpDoor } from './door.ts'
import { published } from './tool.ts'

let d: TestDoor
beforeAll(async () => {
  d = await openDoor()
})
afterAll(() => d.door.close())

const ERAS = [
  ['2025-11-25', 'legacy'],
  ['2026-07-28', { pin: '2026-07-28' }],
] as const
type Era = (typeof ERAS)[number][1]
const connected = async (era: Era, path = '/mcp', name = 'Some Client'): Promise<Client> => {
  const client = new Client({ name, version: '1' }, { versionNegotiation: { mode: era } })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${d.url}${path}`)))
  return client
}
type Called = { readonly text: string; readonly data: Readonly<Record<string, unknown>>; readonly isError: boolean }
const call = async (client: Client, name: string, args: Readonly<Record<string, unknown>>): Promise<Called> => {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args })
  const [first] = content as { readonly text: string }[]
  return { text: first!.text, data: (structuredContent ?? {}) as Called['data'], isError: isError === true }
}
const lastCall = () => d.seen.at(-1)!

describe.each(ERAS)('a client of %s', (version, era) => {
  test('is told of eight tools with all four hints, remembers, and finds it again', async () => {
    const client = await connected(era, '/mcp?namespace=team&agent=ai:alice')
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe(version)
      expect(client.getServerVersion()).toMatchObject({ name: 'mnemesh', version: '1.2.3' })
      const { tools } = await client.listTools()
      expect(tools.map(({ name }) => name).sort()).toEqual([
        'forget',
        'get',
        'history',
        'link',
        'list',
        'recall',
        'remember',
        'update',
      ])
      for (const { title, description, annotations, outputSchema, inputSchema } of tools) {
        expect([typeof title, description!.length > 40, inputSchema.type, outputSchema!['type']]).toEqual([
          'string',
          true,
          'object',
          'object',
        ])
        expect(Object.keys(annotations!).sort()).toEqual([
          'destructiveHint',
          'idempotentHint',
          'openWorldHint',
          'readOnlyHint',
        ])
      }
      const kept = await call(client, 'remember', {
        content: `Keys rotate (${version})`,
        kind: 'fact',
        title: null,
        tags: ['ops', 'ops'],
      })
      expect(kept).toMatchObject({
        isError: false,
        data: { namespace: 'team', quorum_acks: 1, known: false, alike: [] },
      })
      expect(lastCall()).toMatchObject({
        method: 'remember',
        arguments: [
          'team',
          { content: `Keys rotate (${version})`, kind: 'fact', tags: ['ops'] },
          { agent: 'ai:alice' },
        ],
      })
      const { id } = kept.data as { id: string }
      const again = await call(client, 'remember', { content: `Keys rotate (${version})` })
      expect(again.data).toEqual({ id, namespace: 'team', known: true, alike: [] })
      const found = await call(client, 'recall', { query: `Keys rotate (${version})` })
      expect(found.data).toMatchObject({
        count: 1,
        more: 0,
        mode: 'lexical',
        lag: 0,
        memories: [{ id, author: 'ai:alice', namespace: 'team', cut: false }],
      })
      expect(found.text).toMatch(/<memory-[0-9a-f]{8} id=/)
      // The read waits for the agent's own write.
      expect(lastCall()).toMatchObject({
        method: 'recall',
        arguments: [{ namespace: 'team' }, { token: expect.any(String) as string, wait_ms: 1_000 }],
      })

      expect((await call(client, 'update', { id, title: 'Keys' })).data).toMatchObject({ id })
      expect((await call(client, 'get', { id })).data).toMatchObject({
        memory: { id, title: 'Keys', content: `Keys rotate (${version})` },
      })
      const other = (await call(client, 'remember', { content: 'Something quite different' })).data as { id: string }
      await call(client, 'link', { from: id, to: other.id, relation: 'causes' })
      expect((await call(client, 'get', { id })).data).toMatchObject({
        links: [{ from: id, to: other.id, relation: 'causes', author: 'ai:alice' }],
      })
      expect((await call(client, 'history', { id })).data).toMatchObject({
        versions: [{ author: 'ai:alice' }, { author: 'ai:alice' }],
        next_cursor: null,
      })
      expect((await call(client, 'list', {})).data).toMatchObject({
        memories: [{ id: other.id }, { id }],
        next_cursor: null,
      })
      await call(client, 'forget', { id: other.id })
      expect(lastCall()).toMatchObject({ method: 'forget', arguments: [other.id, { erase: false }] })
      await call(client, 'forget', { id, erase: true })
      expect(lastCall()).toMatchObject({ method: 'forget', arguments: [id, { erase: true }] })
    } finally {
      await client.close()
    }
  })

  test('with read_only has the reading tools alone, and cannot call another', async () => {
    const client = await connected(era, '/mcp?read_only=true')
    expect((await client.listTools()).tools.map(({ name }) => name).sort()).toEqual([
      'get',
      'history',
      'list',
      'recall',
    ])
    const calls = d.seen.length
    await expect(client.callTool({ name: 'remember', arguments: { content: 'x' } })).rejects.toThrow(
      /no tool remember here/,
    )
    expect(d.seen.length).toBe(calls)
    await client.close()
  })

  test('is told what to do next: arguments that do not fit, ids that are not, quorums that are not met', async () => {
    const client = await connected(era)
    expect(await call(client, 'remember', {})).toMatchObject({
      isError: true,
      text: expect.stringMatching(/field "content" is missing; remember takes content, title/) as string,
    })
    expect(await call(client, 'remember', { content: 'x', colour: 'red' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('no field "colour" here') as string,
    })
    expect(await call(client, 'remember', { content: 'é'.repeat(40_000) })).toMatchObject({
      isError: true,
      text: expect.stringMatching(/longer than 65536 bytes; shorten it, or split it/) as string,
    })
    expect(await call(client, 'remember', { content: 'x', namespace: '../x' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('namespace is not') as string,
    })
    expect(await call(client, 'get', { id: 'nonsense' })).toMatchObject({
      isError: true,
      text: expect.stringMatching(/nothing with this id.*recall or list finds/) as string,
    })
    expect(await call(client, 'update', { id: '01a22b1c-01e2-7adf-bb49-4a30a93495f0' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('nothing to change') as string,
    })
    d.refuseNext(
      new NodeError('quorum_not_met', 'one of two voters has it', { id: 'ID1', local_committed: true }),
      'remember',
    )
    expect(await call(client, 'remember', { content: 'y' })).toMatchObject({
      isError: true,
      text: expect.stringMatching(/kept here as ID1 .*do not write it again/) as string,
    })
    d.refuseNext(new NodeError('projection_unavailable', 'the search index is out'), 'recall')
    const kept = await call(client, 'remember', { content: 'z' })
    expect(kept.isError).toBe(false)
    await client.close()
  })

  test('reads memories by their addresses, page by page, and completes namespaces', async () => {
    const client = await connected(era, '/mcp?namespace=pages/deep&agent=ai:carl')
    const ids: string[] = []
    for (let n = 0; n < 60; n++)
      ids.push(
        String((await d.send('POST', '/memories', { content: `Page ${n}`, namespace: 'pages/deep' })).body['id']),
      )
    const uris: string[] = []
    for (let cursor: string | undefined, more = true; more;) {
      const { resources, nextCursor } = await client.request({
        method: 'resources/list',
        params: cursor === undefined ? {} : { cursor },
      })
      uris.push(...resources.map(({ uri }) => uri))
      cursor = nextCursor
      more = cursor !== undefined
    }
    expect(new Set(uris.filter((uri) => ids.some((id) => uri === `memory://pages/deep/${id}`))).size).toBe(60)
    const { contents } = await client.readResource({ uri: `memory://pages/deep/${ids[0]!}` })
    expect(contents).toMatchObject([
      {
        uri: `memory://pages/deep/${ids[0]!}`,
        mimeType: 'text/plain',
        text: expect.stringMatching(/author="anonymous"[^]*Page 0/) as string,
      },
    ])
    for (const uri of [
      `memory://elsewhere/${ids[0]!}`,
      'memory://pages/deep/nonsense',
      'file:///etc/passwd',
      'memory://',
    ])
      await expect(client.readResource({ uri })).rejects.toThrow(/not found|nothing with this id/i)
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'memory://{+namespace}/{id}',
      'adr://{year}/{number}',
      'receipt://{id}',
    ])
    const [template] = resourceTemplates
    const complete = async (value: string) =>
      (
        await client.complete({
          ref: { type: 'ref/resource', uri: template!.uriTemplate },
          argument: { name: 'namespace', value },
        })
      ).completion.values
    expect([await complete('pages/'), await complete('nothing')]).toEqual([['pages/deep'], []])
    await client.close()
  })

  test('has prompts that show what is remembered as data', async () => {
    const client = await connected(era, '/mcp?namespace=prompts')
    await d.send('POST', '/memories', { content: 'rotate the key', namespace: 'prompts', kind: 'decision' })
    const { prompts } = await client.listPrompts()
    expect(prompts.map(({ name }) => name)).toEqual([
      'recall_for_task',
      'decision_summary',
      'adr_template',
      'deployment_postmortem',
      'risk_register',
    ])
    for (const { name, arguments: takes } of prompts) {
      const [first] = takes!
      const { messages } = await client.getPrompt({ name, arguments: { [first!.name]: 'rotate the key' } })
      expect(messages).toMatchObject([
        {
          role: 'user',
          content: {
            type: 'text',
            text: expect.stringMatching(/<memory-[0-9a-f]{8} id=[^]*rotate the key\n<\/memory-/) as string,
          },
        },
      ])
      await expect(client.getPrompt({ name, arguments: {} })).rejects.toThrow(`needs the argument ${first!.name}`)
    }
    await expect(client.getPrompt({ name: 'none' })).rejects.toThrow('there is no prompt none')
    await client.close()
  })

  test('a fault of the peer is told as one, without its inside', async () => {
    const client = await connected(era)
    d.refuseNext(new TypeError('secret of the inside'), 'list')
    await expect(client.callTool({ name: 'list', arguments: {} })).rejects.toThrow(
      /the peer failed to answer; its log has the cause/,
    )
    expect(d.logged.at(-1)).toMatchObject([{ tool: 'list' }, 'a request over MCP failed'])
    await client.close()
  })
})

test('the profile search has the two tools that connectors ask for; their text is their structured answer', async () => {
  const client = await connected('legacy', '/mcp?profile=search&namespace=connector&agent=ai:bob')
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search', 'fetch'])
  await d.send(
    'POST',
    '/memories',
    { content: 'needle in the hay', title: 'Hay', namespace: 'connector', tags: ['t'] },
    { headers: { 'x-agent-id': 'ai:alice' } },
  )
  const found = await call(client, 'search', { query: 'needle' })
  const { results } = found.data as { results: { id: string }[] }
  expect(found.data).toEqual({
    results: [{ id: results[0]!.id, title: 'Hay', url: `memory://connector/${results[0]!.id}` }],
  })
  const got = await call(client, 'fetch', { id: results[0]!.id })
  expect(got.data).toMatchObject({
    ...results[0],
    text: expect.stringMatching(/author="ai:alice"[^]*needle in the hay/) as string,
    metadata: { author: 'ai:alice', tags: ['t'] },
  })
  for (const { text, data } of [found, got]) expect(JSON.parse(text)).toEqual(data)
  expect((await post(request('tools/list', {}), {}, '/mcp?profile=nonsense')).body).toMatchObject({
    error: 'malformed',
    message: expect.stringContaining('core, ') as string,
  })
  await client.close()
})

test('the profile files has one tool, which with read_only can view alone', async () => {
  for (const [readOnly, commands] of [
    ['false', ['view', 'create', 'str_replace', 'insert', 'delete', 'rename']],
    ['true', ['view']],
  ] as const) {
    const client = await connected('legacy', `/mcp?profile=files&namespace=files&read_only=${readOnly}`)
    const { tools } = await client.listTools()
    expect(
      tools.map(({ name, inputSchema, annotations }) => [
        name,
        (inputSchema.properties!['command'] as { enum: string[] }).enum,
        annotations!.readOnlyHint,
      ]),
    ).toEqual([['memory', commands, readOnly === 'true']])
    const made = await call(client, 'memory', { command: 'create', path: `/memories/${readOnly}`, file_text: 'x' })
    expect([readOnly, made.isError]).toEqual([readOnly, readOnly === 'true'])
    await client.close()
  }
})

test('the definitions of core are eight, and at most 2,500 tokens by a count that lies above what tokenizers make of them', () => {
  const words = [...JSON.stringify(CORE.map(published)).matchAll(/[A-Za-z]+|\d{1,3}|[^\sA-Za-z\d]+/g)].map(
    ([word]) => word,
  )
  // A common word is a token, a long one several; punctuation runs come in threes. Of GPT-4o's tokenizer: 0.92 of this.
  const tokens = words.reduce((sum, word) => sum + Math.ceil(word.length / (/[A-Za-z]/.test(word) ? 9 : 3)), 0)
  expect(CORE.length).toBeLessThanOrEqual(8)
  expect(tokens).toBeLessThanOrEqual(2_500)
  expect(JSON.stringify(CORE.map(published))).not.toContain('"x-')
})

const post = async (message: unknown, headers: Readonly<Record<string, string>> = {}, path = '/mcp') => {
  const response = await fetch(`${d.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  })
  const text = await response.text()
  return {
    status: response.status,
    type: response.headers.get('content-type')?.split(';')[0],
    text,
    body: text.startsWith('{') ? (JSON.parse(text) as Readonly<Record<string, unknown>>) : {},
  }
}
const request = (method: string, params: unknown) => ({ jsonrpc: '2.0', id: 7, method, params })

describe('clients that say less', () => {
  test.each([
    { clientInfo: { name: 'bare', version: '1' } },
    { clientInfo: { name: 'bare' } },
    {},
    undefined,
    { protocolVersion: '2025-06-18', clientInfo: { name: 'x', version: '1' } },
    { clientInfo: { name: 'bare', version: '1' }, protocolVersion: null, capabilities: null },
  ])('initialize with %j', async (params) => {
    for (const path of ['/mcp', '/api/v1/mcp']) {
      const { status, type, body } = await post(request('initialize', params), {}, path)
      expect([status, type, body['id']]).toEqual([200, 'application/json', 7])
      expect(body['result']).toMatchObject({
        protocolVersion: params?.protocolVersion ?? '2025-11-25',
        capabilities: { tools: {}, resources: {}, prompts: {} },
        serverInfo: { name: 'mnemesh' },
      })
    }
  })

  test('no accept, any accept, JSON alone: a plain answer; another: 406', async () => {
    for (const accept of ['*/*', 'application/json', 'application/*', 'application/json, text/event-stream'])
      expect(await post(request('tools/list', {}), { accept })).toMatchObject({ status: 200, type: 'application/json' })
    expect((await post(request('tools/list', {}), { accept: 'text/html' })).status).toBe(406)
  })

  test('a notification is taken without an answer', async () => {
    expect(await post({ jsonrpc: '2.0', method: 'notifications/initialized' })).toMatchObject({ status: 202, text: '' })
  })
})

test('who asks: the address, then the header, then the name that a client of 2026-07-28 carries, else anonymous', async () => {
  const agent = () => (d.seen.findLast(({ method }) => method === 'remember')!.arguments[2] as { agent: string }).agent
  const remember = request('tools/call', { name: 'remember', arguments: { content: 'who' + Math.random() } })
  await post(remember, { 'x-agent-id': 'ai:header' }, '/mcp?agent=ai:query')
  expect(agent()).toBe('ai:query')
  await post({ ...remember, params: { name: 'remember', arguments: { content: 'b' } } }, { 'x-agent-id': 'ai:header' })
  expect(agent()).toBe('ai:header')
  await post({ ...remember, params: { name: 'remember', arguments: { content: 'c' } } })
  expect(agent()).toBe('anonymous')
  const client = await connected({ pin: '2026-07-28' }, '/mcp', 'Some Client')
  await call(client, 'remember', { content: 'd' })
  expect(agent()).toBe('Some-Client')
  await client.close()
  for (const path of ['/mcp?namespace=../x', '/mcp?agent=a%20b', '/mcp?read_only=yes'])
    expect(await post(request('tools/list', {}), {}, path)).toMatchObject({ status: 400, body: { error: 'malformed' } })
})

describe('hostile requests', () => {
  test('batches, other shapes and other methods are refused, and nothing is called', async () => {
    const calls = d.seen.length
    for (const bad of [
      [request('tools/list', {})],
      [],
      1,
      null,
      'x',
      '',
      '{',
      '{}',
      { jsonrpc: '1.0', id: 1, method: 'tools/list' },
      { jsonrpc: '2.0', id: {}, method: 'tools/list' },
    ]) {
      const { status } = await post(bad)
      expect([bad, status >= 400 && status < 500]).toEqual([bad, true])
    }
    for (const method of ['GET', 'DELETE', 'PUT']) expect((await fetch(`${d.url}/mcp`, { method })).status).toBe(405)
    expect((await post(request('tools/call', { name: 'x'.repeat(1_000), arguments: {} }))).text.length).toBeLessThan(
      300,
    )
    expect(await post(request('no/such', {}))).toMatchObject({ body: { error: { code: -32601 } } })
    expect(d.seen.length).toBe(calls)
  })

  test('a request is bounded: its bytes, and its values before anything looks at them', async () => {
    expect(
      await post(request('tools/call', { name: 'remember', arguments: { content: 'x'.repeat(1024 * 1024) } })),
    ).toMatchObject({ status: 413, body: { error: 'too_large' } })
    const wide = (count: number) =>
      request('tools/call', {
        name: 'list',
        arguments: Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, [0]])),
      })
    expect(await post(wide(900))).toMatchObject({ status: 200, body: { result: { isError: true } } })
    expect(await post(wide(1_000))).toMatchObject({ status: 413, body: { error: 'too_large' } })
    // What the door itself does with what the scan before it lets through.
    const door = createMcpDoor(d.node, '1', { error: () => undefined }, () => Date.now())
    const asked = new Request('http://peer.invalid/mcp', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    })
    await door.answer(asked, wide(900))
    for (const [count, told] of [
      [900, 200],
      [60_000, 'too_large'],
    ] as const) {
      const body = wide(count)
      const { value, ms } = await longestTurn(() =>
        door.answer(asked, body).then(
          ({ status }) => status,
          (error: unknown) => (error as NodeError).code,
        ),
      )
      expect([value, ms < 50 + TICK_MS]).toEqual([told, true])
    }
  })

  test('who goes away leaves nothing behind, and the door closes at once', async () => {
    const own = await openDoor()
    const release = own.holdNext()
    const gone = new AbortController()
    const asked = fetch(`${own.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request('tools/call', { name: 'list', arguments: {} })),
      signal: gone.signal,
    })
    while (own.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    gone.abort()
    await expect(asked).rejects.toThrow('aborted')
    release()
    const from = performance.now()
    await own.door.close()
    expect([performance.now() - from < 2_000, own.logged]).toEqual([true, []])
  })
})

test('the access rules are those of the API: key, origin and name', async () => {
  const own = await openDoor({ keys: ['secret'] })
  // Not `fetch`, which does not let anybody name another host.
  const ask = (headers: Readonly<Record<string, string>>, path: string) =>
    new Promise((resolve, reject) => {
      const asked = rawRequest(
        `${own.url}${path}`,
        { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
        (response) => resolve(response.resume().statusCode),
      )
      asked.once('error', reject).end(JSON.stringify(request('tools/list', {})))
    })
  for (const path of ['/mcp', '/api/v1/mcp']) {
    expect(await ask({}, path)).toBe(401)
    expect(await ask({ authorization: 'Bearer wrong' }, path)).toBe(401)
    expect(await ask({ authorization: 'Bearer secret' }, path)).toBe(200)
    expect(await ask({ 'x-api-key': 'secret', origin: 'https://evil.example' }, path)).toBe(403)
    expect(await ask({ 'x-api-key': 'secret', host: 'evil.example' }, path)).toBe(403)
  }
  await own.door.close()
})
