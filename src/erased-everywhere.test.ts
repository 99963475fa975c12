/** What is erased is on no disk any more: no file of a real peer's folder holds a text of the memory, in whichever field it was. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { initMesh } from './membership/found.ts'
import { startNode, type RunningNode } from './node.ts'
import { logTo } from './testing/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-erased-'))
const saying = {
  clock: { now: () => Date.now() },
  random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
}
const PURGE_MS_MAX = 60_000
/** The first rows wait for the database to open, which takes a loaded machine a while. */
const INDEXED_MS_MAX = 90_000
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

const filesWith = (text: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    try {
      const path = join(folder, name)
      return statSync(path).isFile() && readFileSync(path).includes(text)
    } catch {
      // Gone meanwhile.
      return false
    }
  })

/** What a search finds that sees what the token saw, as soon as the index does. */
const found = async (base: string, token: string): Promise<unknown> => {
  for (const endMs = Date.now() + INDEXED_MS_MAX; ;) {
    const answer = await fetch(`${base}/recall?q=contentzebra`, {
      headers: { 'x-causal-token': token, 'x-causal-wait': '10000' },
    })
    if (answer.status === 200 || Date.now() > endMs) return answer.json()
  }
}

test('title, content, metadata and source, of every version', async () => {
  const base = `${running.url}/api/v1`
  const send = async (method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        'idempotency-key': `${method} ${path}`,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    expect(response.status).toBeLessThan(300)
    return (await response.json()) as Readonly<Record<string, unknown>>
  }
  const secrets = [
    'titlezebra',
    'contentzebra',
    'metadatazebra',
    'sourcezebra',
    'secondtitlezebra',
    'secondsourcezebra',
  ]
  const { id } = await send('POST', '/memories', {
    title: secrets[0],
    content: `the ${secrets[1]} runs`,
    metadata: { a: secrets[2] },
    source: secrets[3],
    tags: ['labelzebra'],
  })
  const changed = await send('PATCH', `/memories/${String(id)}`, { title: secrets[4], source: secrets[5] })
  expect(await found(base, String(changed['token']))).toMatchObject({ count: 1, memories: [{ source: secrets[5] }] })
  expect(filesWith(secrets[5]!)).not.toEqual([])
  const { token } = await send('DELETE', `/memories/${String(id)}?erase=true`)
  expect(await found(base, String(token))).toMatchObject({ count: 0 })
  const endMs = Date.now() + PURGE_MS_MAX
  const left = (): readonly string[] =>
    secrets.flatMap((secret) => filesWith(secret).map((name) => `${secret} in ${name}`))
  while (left().length > 0 && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 500))
  expect(left()).toEqual([])
  // A label is no text: it stays, as the README says.
  expect(filesWith('labelzebra')).not.toEqual([])
  const { versions } = (await (await fetch(`${base}/memories/${String(id)}/history`)).json()) as {
    versions: readonly { set: Readonly<Record<string, unknown>> }[]
  }
  expect(versions.map(({ set }) => [set['title'] ?? null, set['source'] ?? null])).toEqual([
    [null, null],
    [null, null],
    [null, null],
  ])
}, 240_000)
