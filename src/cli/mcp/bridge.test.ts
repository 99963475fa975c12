/** What stands between standard input and output and a peer: against real HTTP servers that answer as they are told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { Target } from '../../sdk/client.ts'
import { bridge } from './bridge.ts'
import { LINE_BYTES_MAX } from './lines.ts'

type Seen = {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly message: { readonly id: number | string; readonly method: string }
}
type Answer = (message: Seen['message'], response: ServerResponse) => void
const result = (id: unknown, value: object = {}): string => JSON.stringify({ jsonrpc: '2.0', id, result: value })

let servers: Server[] = []
afterEach(() => {
  for (const server of servers) server.close().closeAllConnections()
  servers = []
})

const served = async (
  answer: Answer,
): Promise<{ readonly url: string; readonly seen: Seen[]; readonly server: Server }> => {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const message = JSON.parse(Buffer.concat(chunks).toString()) as Seen['message']
        seen.push({ url: request.url!, headers: request.headers, message })
        answer(message, response)
      })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server }
}
const json: Answer = ({ id, method }, response) =>
  void response
    .setHeader('content-type', 'application/json')
    .end(result(id, method === 'initialize' ? { protocolVersion: '2025-11-25' } : {}))

/** `hurry`: what an answer is waited for after the end, divided by that. */
type Options = {
  readonly find: () => Promise<Target>
  readonly agent?: string
  readonly waits?: number[]
  readonly hurry?: number
}
const started = ({ find, agent, waits = [], hurry = 1 }: Options) => {
  const input = new PassThrough()
  const out: Record<string, unknown>[] = []
  const done = bridge({
    input,
    find,
    query: { namespace: 'team' },
    agent: agent ?? null,
    write: async (line) => void out.push(JSON.parse(line) as Record<string, unknown>),
    sleep: (ms, signal) => {
      waits.push(ms)
      return pause(ms / hurry, undefined, { signal })
    },
  })
  const send = (message: unknown): void => void input.write(`${JSON.stringify(message)}\n`)
  return { input, out, done, send, ids: () => out.map(({ id }) => id) }
}
const at =
  (url: string, key: string | null = null) =>
  async (): Promise<Target> => ({ url, key })
const ask = (id: number | string, method = 'tools/list', params: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})
const until = async (holds: () => boolean): Promise<void> => {
  for (const from = performance.now(); !holds(); await pause(5))
    if (performance.now() - from > 5_000) throw new Error('not within 5 s')
}

test('carries who asks, the key, the namespace and the version that was agreed on; initialize comes before all others', async () => {
  let initialized = false
  const peer = await served((message, response) => {
    if (message.method !== 'initialize') return json(message, response)
    setTimeout(() => {
      initialized = true
      json(message, response)
    }, 50)
  })
  const { input, send, done, ids } = started({ find: at(peer.url, 'secret') })
  send(ask(1, 'initialize', { clientInfo: { name: ' Some\tClient ü ' } }))
  send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  send(ask('two'))
  input.end()
  await done
  expect([initialized, ids()]).toEqual([true, [1, 'two']])
  expect(peer.seen.map(({ message }) => message.method)).toEqual(['initialize', 'tools/list'])
  expect(peer.seen[0]!.headers['mcp-protocol-version']).toBeUndefined()
  expect(peer.seen[1]).toMatchObject({
    url: '/mcp?namespace=team',
    headers: { authorization: 'Bearer secret', 'x-agent-id': 'Some-Client-', 'mcp-protocol-version': '2025-11-25' },
  })
})

test('a request of 2026-07-28 gets the headers that it is asked for, whatever its name is', async () => {
  const peer = await served(json)
  const { input, send, done } = started({ find: at(peer.url), agent: 'ai:me' })
  const meta = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }
  send(ask(1, 'tools/call', { name: 'remember', ...meta }))
  send(ask(2, 'resources/read', { uri: 'memory://é', ...meta }))
  input.end()
  await done
  const headers = peer.seen.toSorted((a, b) => Number(a.message.id) - Number(b.message.id)).map((one) => one.headers)
  expect(headers[0]).toMatchObject({
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'remember',
    'x-agent-id': 'ai:me',
  })
  expect(headers[1]!['mcp-name']).toBe(`=?base64?${Buffer.from('memory://é').toString('base64')}?=`)
})

test('what is no message is refused by name, whatever pieces it comes in, and all else goes on', async () => {
  const peer = await served(json)
  const { input, send, done, out } = started({ find: at(peer.url) })
  input.write('nonsense\n\n[1]\n')
  for (const byte of Buffer.from(`${JSON.stringify(ask('é'))}\r\n`)) input.write(Buffer.of(byte))
  input.write(Buffer.alloc(LINE_BYTES_MAX + 10, 0x20))
  input.write('x\n')
  send({ jsonrpc: '2.0', id: 9, result: {} })
  input.end(JSON.stringify(ask('last, without a line feed')))
  await done
  expect(
    out.filter(({ error }) => error !== undefined).map(({ id, error }) => [id, (error as { code: number }).code]),
  ).toEqual([
    [null, -32700],
    [null, -32700],
    [null, -32700],
  ])
  expect(out.filter(({ result: told }) => told !== undefined).map(({ id }) => id)).toEqual(
    expect.arrayContaining(['é', 'last, without a line feed']),
  )
})

test('a cancelled request is let go and not answered; its id twice at once is refused', async () => {
  let closed = 0
  const peer = await served(({ id }, response) => {
    response.once('close', () => closed++)
    if (id === 2) json({ id, method: '' }, response)
  })
  const { input, send, done, out } = started({ find: at(peer.url) })
  send(ask(1, 'tools/call'))
  await until(() => peer.seen.length === 1)
  send(ask(1, 'tools/call'))
  send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  await until(() => closed === 1)
  send(ask(2))
  input.end()
  await done
  expect(out).toMatchObject([
    { id: 1, error: { code: -32600 } },
    { id: 2, result: {} },
  ])
})

test('each event of a stream is a line; a stream that would not end is ended with input; an answer that never comes is given up', async () => {
  const peer = await served(({ id, method }, response) => {
    if (method === 'never') return
    response.setHeader('content-type', 'text/event-stream')
    response.write(
      ': a comment\n\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress",\ndata: "params":{}}\n\n',
    )
    if (method !== 'subscriptions/listen') response.end(`data: ${result(id)}\r\n\r\n`)
  })
  const waits: number[] = []
  const { input, send, done, out } = started({ find: at(peer.url), waits, hurry: 1_000 })
  send(ask(1, 'subscriptions/listen'))
  send(ask(2, 'tools/call'))
  send(ask(3, 'never'))
  await until(() => peer.seen.length === 3 && out.length === 3)
  input.end()
  await done
  expect(out.map(({ id, method }) => String(id ?? method)).sort()).toEqual([
    '2',
    'notifications/progress',
    'notifications/progress',
  ])
  expect(waits).toEqual([60_000])
})

test('a peer that is gone is found anew; a refusal and an answer that breaks off are told as such', async () => {
  const gone = await served(json)
  gone.server.close()
  const peer = await served(({ id, method }, response) => {
    if (method === 'refused')
      return void response
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"error":"unauthorized","message":"no or unknown API key"}')
    if (method === 'broken') return void response.destroy()
    if (method === 'early') return void response.setHeader('content-type', 'text/event-stream').end(': nothing\n\n')
    json({ id, method }, response)
  })
  const urls = [gone.url, peer.url]
  const { input, send, done, out } = started({ find: async () => ({ url: urls.shift() ?? peer.url, key: null }) })
  for (const [id, method] of ['tools/list', 'refused', 'broken', 'early'].entries()) {
    send(ask(id, method))
    await until(() => out.length === id + 1)
  }
  input.end()
  await done
  expect(out).toMatchObject([
    { id: 0, result: {} },
    { id: 1, error: { message: 'no or unknown API key' } },
    { id: 2, error: { message: expect.stringMatching(/may have been done: look before you ask again/) as string } },
    { id: 3, error: { message: expect.stringContaining('ended its answer early') as string } },
  ])
})

test('a peer that does not come up is told to whoever asks, and looked for again by the next', async () => {
  const peer = await served(json)
  let times = 0
  const { input, send, done, out } = started({
    find: async () => {
      if (times++ === 0) throw new Error("this user's peer did not come up: no room")
      return { url: peer.url, key: null }
    },
  })
  send(ask(1))
  await until(() => out.length === 1)
  send(ask(2))
  input.end()
  await done
  expect(out).toMatchObject([
    { id: 1, error: { message: "this user's peer did not come up: no room" } },
    { id: 2, result: {} },
  ])
})

test('no more than 32 are carried at once; the rest waits in the pipe', async () => {
  let [open, most] = [0, 0]
  const peer = await served((message, response) => {
    most = Math.max(most, ++open)
    setTimeout(() => {
      open--
      json(message, response)
    }, 20)
  })
  const { input, send, done, out } = started({ find: at(peer.url) })
  for (let i = 0; i < 100; i++) send(ask(i))
  input.end()
  await done
  expect([out.length, most <= 32, most > 4]).toEqual([100, true, true])
})
