/** A whole peer whose search index rests: what wakes it, what does not, and that nothing written meanwhile is missed. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { initMesh } from './membership/found.ts'
import { startNode } from './node.ts'
import { logTo } from './testing/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-peer-rests-'))
const saying = {
  clock: { now: () => Date.now() },
  random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('it opens no database until it is asked, rests again, and finds what was written meanwhile', async () => {
  await initMesh({ dir: folder, name: 'alone', ...saying })
  const said: string[] = []
  const peer = await startNode({
    dir: folder,
    host: '127.0.0.1',
    port: 0,
    peers: [],
    quorum: 1,
    projection: 'pglite',
    projection_idle_s: 0.3,
    embedder: null,
    keys: [],
    log: logTo(said),
  })
  const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${peer.url}/api/v1${path}`, {
      ...(body !== undefined && {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
    expect(response.ok, path).toBe(true)
    return (await response.json()) as Record<string, unknown>
  }
  const found = async (): Promise<number> =>
    ((await ask('/recall?q=lighthouse'))['memories'] as readonly unknown[]).length
  const rests = async (): Promise<boolean> => (await ask('/health'))['search'] === 'resting'
  try {
    const first = await ask('/memories', { content: 'the lighthouse of the north' })
    expect(await ask('/health')).toMatchObject({ status: 'ok', search: 'resting', reasons: [] })
    expect(await ask(`/memories/${String(first['id'])}`)).toMatchObject({
      memory: { content: 'the lighthouse of the north' },
    })
    expect(await rests()).toBe(true)

    // The first question opens it, and waits.
    expect(await found()).toBe(1)
    while (!(await rests())) await sleep(50)
    await ask('/memories', { content: 'the lighthouse of the south' })
    expect(await ask('/health')).toMatchObject({ status: 'ok', search: 'resting', projection_lag: 1 })
    expect(await Promise.all([found(), found(), found()])).toEqual([2, 2, 2])
    expect(await ask('/stats')).toMatchObject({ total: 2, lag: 0 })
    while (!(await rests())) await sleep(50)
    await ask('/memories', { content: 'the lighthouse of the west' })
  } finally {
    await peer.stop()
  }
  expect(said.filter((line) => /search index|projection/.test(line))).toEqual([])
}, 60_000)
