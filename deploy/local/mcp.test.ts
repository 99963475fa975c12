/**
 * The Model Context Protocol in real processes: a pipe that closes on a machine without a peer, the official client over standard input
 * and output and over HTTP, a project's own namespace, and many clients that start at once.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commandWords, isAlive, mnemesh, mnemeshOk } from './command.ts'
import { until } from './until.ts'

const LONG_MS = 120_000
const PIPE_MS_MAX = 10_000
/** What `mnemesh --version` takes at most where the machine has a core to spare; where it takes longer, all else may too. */
const VERSION_MS = 500
const slowness = async (): Promise<number> => {
  const from = performance.now()
  await mnemeshOk(['--version'], env)
  return Math.max(1, (performance.now() - from) / VERSION_MS)
}

let home = ''
let env: Readonly<Record<string, string>> = {}
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-mcp-'))
  env = { XDG_DATA_HOME: home, PATH: process.env['PATH'] ?? '' }
})
afterEach(async () => {
  await mnemesh(['down'], env)
  await rm(home, { recursive: true, force: true })
})

const [program, ...first] = commandWords
/** In `folder`, or in one that is no repository. */
const stdio = (words: readonly string[], folder = home): StdioClientTransport =>
  new StdioClientTransport({
    command: program,
    args: [...first, 'mcp', ...words],
    env: { ...env },
    cwd: folder,
    stderr: 'pipe',
  })
type Mode = 'legacy' | { readonly pin: string }
const over = async (
  transport: StdioClientTransport | StreamableHTTPClientTransport,
  mode: Mode = 'legacy',
): Promise<Client> => {
  const client = new Client({ name: 'test client', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(transport)
  return client
}
const call = async (
  client: Client,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> => {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args })
  if (isError === true) throw new Error(JSON.stringify(content))
  return structuredContent as Readonly<Record<string, unknown>>
}
type Memories = readonly {
  readonly id: string
  readonly content: string
  readonly author: string
  readonly namespace: string
}[]
type Up = { readonly url: string; readonly pid: number; readonly started: boolean }
const up = async (): Promise<Up> => JSON.parse(await mnemeshOk(['up', '--json'], env)) as Up

/** Sends `lines` through a pipe that closes behind them. */
const piped = async (lines: readonly unknown[], words: readonly string[] = []) => {
  const from = performance.now()
  const child = spawn(program, [...first, 'mcp', ...words], {
    env: { ...env },
    cwd: home,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let [out, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdin.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const exit = await new Promise((resolve) => child.once('close', resolve))
  return {
    exit,
    errors,
    lines: out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly id: number; readonly result: Readonly<Record<string, unknown>> }),
    ms: performance.now() - from,
  }
}
const HELLO = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { clientInfo: { name: 'pipe', version: '1' } } }

test(
  'a client that says only who it is, through a pipe that closes: the tools are the last line, also when the peer had to be started',
  async () => {
    const ask = [
      HELLO,
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 2, method: 'tools/list' },
    ]
    for (const peer of ['not there', 'there']) {
      const before = await slowness()
      const { exit, errors, lines, ms } = await piped(ask)
      expect([peer, exit, errors, lines.map(({ id }) => id)]).toEqual([peer, 0, '', [1, 2]])
      expect((lines.at(-1)!.result['tools'] as unknown[]).length).toBe(8)
      expect(ms).toBeLessThan(PIPE_MS_MAX * Math.max(before, await slowness()))
    }
    expect((await up()).started).toBe(false)
  },
  LONG_MS,
)

test.each([
  ['2025-11-25', 'legacy'],
  ['2026-07-28', { pin: '2026-07-28' }],
] as const)(
  '%s: what one process remembers another recalls, with its author, over standard input and over HTTP',
  async (version, mode) => {
    const repository = join(home, 'Some Project')
    await mkdir(join(repository, '.git'), { recursive: true })
    const writer = await over(stdio([], repository), mode)
    expect(writer.getNegotiatedProtocolVersion()).toBe(version)
    expect(await call(writer, 'remember', { content: 'The deploy key rotates on Fridays' })).toMatchObject({
      namespace: 'some-project',
      known: false,
      quorum_acks: 1,
    })
    await until('the index is open', 30_000, async () =>
      (await call(writer, 'recall', { query: 'deploy key' }))['count'] === 1 ? true : null,
    )
    // Its own write is found at once, and not kept twice.
    for (let i = 0; i < 10; i++) {
      const { id } = await call(writer, 'remember', {
        content: `Fact ${i} about the ${['harbour', 'forest', 'airport', 'library'][i % 4]}`,
      })
      expect(
        await call(writer, 'remember', {
          content: `Fact ${i} about the ${['harbour', 'forest', 'airport', 'library'][i % 4]}`,
        }),
      ).toMatchObject({ id, known: true })
    }
    await writer.close()

    const reader = await over(stdio(['--agent', 'ai:reader', '--read-only'], repository), mode)
    expect((await reader.listTools()).tools).toHaveLength(4)
    expect((await call(reader, 'recall', { query: 'when does the key rotate?' }))['memories']).toMatchObject([
      { content: 'The deploy key rotates on Fridays', author: 'test-client', namespace: 'some-project' },
    ])
    await reader.close()
    const elsewhere = await over(stdio(['--namespace', 'other']), mode)
    expect((await call(elsewhere, 'recall', { query: 'deploy key' }))['count']).toBe(0)
    expect((await call(elsewhere, 'recall', { query: 'deploy key', namespace: '*' }))['count']).toBe(1)
    await elsewhere.close()

    const { url } = await up()
    const key = (await readFile(join(home, 'mnemesh', 'key'), 'utf8')).trim()
    for (const path of ['/mcp', '/api/v1/mcp']) {
      const remote = await over(
        new StreamableHTTPClientTransport(new URL(`${url}${path}`), {
          requestInit: { headers: { authorization: `Bearer ${key}` } },
        }),
        mode,
      )
      expect((await call(remote, 'recall', { query: 'deploy key' }))['count']).toBe(1)
      await remote.close()
    }
  },
  LONG_MS,
)

test(
  'a peer that is killed under a client is started again by its next question',
  async () => {
    const client = await over(stdio([]))
    const { id } = await call(client, 'remember', { content: 'It outlives its peer' })
    const { pid } = await up()
    process.kill(pid, 'SIGKILL')
    await until('it is gone', 5_000, async () => (isAlive(pid) ? null : true))
    expect(await call(client, 'get', { id })).toMatchObject({ memory: { content: 'It outlives its peer' } })
    expect((await up()).pid).not.toBe(pid)
    await client.close()
  },
  LONG_MS,
)

/** `MNEMESH_MCP_WRITES=100` makes it ten times as long. */
const CLIENTS = 10
const WRITES = Number(process.env['MNEMESH_MCP_WRITES'] ?? 10)

test(
  `ten clients that start at once on a machine without a peer, each writing ${WRITES} memories: one peer, all are there, all ten end and the peer stays`,
  async () => {
    const transports = Array.from({ length: CLIENTS }, (_, i) => stdio(['--agent', `ai:client-${i}`]))
    const clients = await Promise.all(transports.map((transport) => over(transport)))
    const pids = transports.map(({ pid }) => pid!)
    const acknowledged = (
      await Promise.all(
        clients.map(async (client, i) => {
          const ids: string[] = []
          for (let n = 0; n < WRITES; n++)
            ids.push(String((await call(client, 'remember', { content: `Client ${i} was told number ${n}` }))['id']))
          return ids
        }),
      )
    ).flat()
    expect(new Set(acknowledged).size).toBe(CLIENTS * WRITES)
    const seen = new Map<string, string>()
    for (let cursor: unknown; cursor !== null;) {
      const page = await call(clients[0]!, 'list', {
        namespace: '*',
        limit: 100,
        max_tokens: 20_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { id, content, author } of page['memories'] as Memories) seen.set(id, `${author}: ${content}`)
      cursor = page['next_cursor']
    }
    expect([...seen.keys()].sort()).toEqual([...acknowledged].sort())
    expect(new Set(seen.values())).toEqual(
      new Set(
        Array.from(
          { length: CLIENTS * WRITES },
          (_, k) => `ai:client-${k % CLIENTS}: Client ${k % CLIENTS} was told number ${Math.floor(k / CLIENTS)}`,
        ),
      ),
    )
    const peer = await up()
    expect(peer.started).toBe(false)
    await Promise.all(clients.map((client) => client.close()))
    await until('all ten have ended', 5_000, async () => (pids.some(isAlive) ? null : true))
    expect(isAlive(peer.pid)).toBe(true)
  },
  LONG_MS * 3,
)
