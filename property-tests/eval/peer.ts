/** One real peer in a temporary folder, and its HTTP door as a stranger sees it. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initMesh } from '../../src/membership/found.ts'
import { startNode } from '../../src/node.ts'
import { logTo } from '../../src/testing/log.ts'

export type Json = Readonly<Record<string, unknown>>

export type EvalPeer = {
  readonly url: string
  /** @throws unless the answer is a 2xx. */
  call(method: 'GET' | 'POST', path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Json>
  /** Resolves when all that was written can be found. */
  indexed(): Promise<void>
  stop(): Promise<void>
}

const INDEXED_MS_MAX = 600_000
const LOOK_EVERY_MS = 50

/** @param projection `pglite` or `postgres://…`. */
export const startPeer = async (projection: string): Promise<EvalPeer> => {
  const folder = await mkdtemp(join(tmpdir(), 'mnemesh-eval-'))
  const dir = join(folder, 'peer')
  const said: string[] = []
  await initMesh({
    dir,
    name: 'eval',
    clock: { now: () => Date.now() },
    random: { bytes: (count) => randomBytes(count) },
  })
  const running = await startNode({
    dir,
    host: '127.0.0.1',
    port: 0,
    peers: [],
    quorum: 1,
    projection,
    keys: [],
    log: logTo(said),
  })
  const call: EvalPeer['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${running.url}/api/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as Json
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${JSON.stringify(answer)}`)
    return answer
  }
  return {
    url: running.url,
    call,
    indexed: async () => {
      for (let waited = 0; (await call('GET', '/health'))['projection_lag'] !== 0; waited += LOOK_EVERY_MS) {
        if (waited > INDEXED_MS_MAX)
          throw new Error(`the search index was not ready within ${INDEXED_MS_MAX} ms: ${said.slice(-3).join('; ')}`)
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      }
    },
    stop: async () => {
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
