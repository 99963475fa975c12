/** What a whole peer answers is what its document declares: the door adds nothing and leaves nothing out. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { responseChecker, type Document } from './http/testing/response-checker.ts'
import { initMesh } from './membership/found.ts'
import { startNode, type RunningNode } from './node.ts'
import { logTo } from './testing/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-published-'))
const saying = {
  clock: { now: () => Date.now() },
  random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
}
let running: RunningNode
beforeAll(async () => {
  await initMesh({ dir: folder, name: 'alone', ...saying })
  running = await startNode({
    dir: folder,
    host: '127.0.0.1',
    port: 0,
    peers: [],
    quorum: 1,
    projection: 'pglite',
    embedder: null,
    keys: [],
    log: logTo(),
  })
}, 60_000)
afterAll(async () => {
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('by every route that shows something of the log', async () => {
  const base = `${running.url}/api/v1`
  const check = await responseChecker((await (await fetch(`${base}/openapi.json`)).json()) as Document)
  const visit = async (
    method: string,
    path: string,
    template: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    expect([method, path, response.status < 300, text]).toEqual([method, path, true, text])
    await check(method, `/api/v1${template}`, { status: response.status, headers: response.headers, text })
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  }

  const written = await visit('POST', '/memories', '/memories', {
    content: 'the harbour is full',
    title: 'a',
    tags: ['x'],
    run_id: 'r',
    metadata: { a: 1 },
  })
  const other = await visit('POST', '/memories', '/memories', { content: 'the second harbour' })
  const [id, to] = [String(written['id']), String(other['id'])]
  await visit('POST', '/memories/bulk', '/memories/bulk', { memories: [{ content: 'one' }, { content: 'two' }, {}] })
  await visit('POST', '/links', '/links', { from: id, to, relation: 'near' })
  const { token } = await visit('PATCH', `/memories/${id}`, '/memories/{id}', { priority: 7 })
  const seen = { 'x-causal-token': String(token), 'x-causal-wait': '20000' }
  for (const [path, template] of [
    [`/memories/${id}`, '/memories/{id}'],
    ['/memories', '/memories'],
    [`/memories/${id}/history`, '/memories/{id}/history'],
    [`/memories/${id}/history?diff=true`, '/memories/{id}/history'],
    ['/diff?namespace=default&from=2020-01-01T00:00:00Z', '/diff'],
    [`/memories/${id}/conflicts`, '/memories/{id}/conflicts'],
    [`/links/${id}`, '/links/{id}'],
    [`/graph?from=${id}`, '/graph'],
    ['/recall?q=harbour&explain=true', '/recall'],
    ['/search?q=harbour', '/search'],
    ['/namespaces', '/namespaces'],
    ['/stats', '/stats'],
  ] as const)
    await visit('GET', path, template, undefined, seen)
  await visit('POST', '/recall', '/recall', { q: 'harbour', explain: true }, seen)
  await visit('POST', '/search', '/search', { query: 'harbour' }, seen)
  for (const path of [
    '/storage',
    '/capabilities',
    '/peers',
    '/quorum',
    '/health',
    '/events',
    '/digests',
    '/mesh/control',
  ])
    await visit('GET', path, path)
  await visit('DELETE', `/memories/${id}`, '/memories/{id}')
  await visit('POST', `/memories/${id}/restore`, '/memories/{id}/restore')
  await visit('DELETE', '/links', '/links', { from: id, to, relation: 'near' })
  await visit('DELETE', `/memories/${to}?erase=true`, '/memories/{id}')
  await visit('POST', '/agents/ai:a/memory/episodic', '/agents/{id}/memory/episodic', {
    event_type: 't',
    body: { a: 1 },
  })
  await visit('GET', '/agents/ai:a/memory/episodic', '/agents/{id}/memory/episodic')
  await visit('POST', '/verify', '/verify')
  await visit('POST', '/projection/rebuild', '/projection/rebuild')
}, 60_000)
