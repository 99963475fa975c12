/**
 * A whole peer with an embedder behind a real endpoint: recall becomes hybrid, and an endpoint that is slow, dead or exchanged costs
 * neither writes nor searches anything.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AgentId, Namespace } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { DIM, startEndpoint, type Endpoint } from './embedding/endpoint.test-support.ts'
import { initMesh } from './membership/found.ts'
import { startNode, type RunningNode } from './node.ts'
import { logTo } from './testing/log.ts'

const PATIENCE = { timeout: 30_000 }
const saying = {
  clock: { now: () => Date.now() },
  random: { bytes: (count: number) => new Uint8Array(randomBytes(count)) },
}

describe('a peer with an embedder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-meaning-'))
  let endpoint: Endpoint
  let running: RunningNode[] = []
  let said: string[] = []

  beforeAll(() => initMesh({ dir: folder, name: 'alone', ...saying }))
  beforeEach(async () => {
    said = []
    endpoint = await startEndpoint()
  })
  afterEach(async () => {
    for (const node of running.splice(0)) await node.stop()
    await endpoint.stop()
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const start = async ({ model = 'm', url = endpoint.url, dim = null as number | null } = {}) => {
    const settings = { kind: 'openai' as const, url, model, dim, document_prefix: '', query_prefix: '' }
    const running_node = await startNode({
      dir: folder,
      host: '127.0.0.1',
      port: 0,
      peers: [],
      quorum: 1,
      projection: 'pglite',
      embedder: { settings, key: null },
      keys: [],
      log: logTo(said),
    })
    running = [...running, running_node]
    const { node, url: at } = running_node
    const remember = (content: string) =>
      node.remember('default' as Namespace, { content }, { agent: 'ai:tester' as AgentId })
    const recall = async (q: string, token?: string) =>
      node.recall({ q, limit: 5 }, token === undefined ? {} : { token, wait_ms: 20_000 })
    const embedder = async () => (await node.capabilities())['embedder']
    const filled = () =>
      expect.poll(embedder, PATIENCE).toMatchObject({ waiting: 0, replacing: null, id: `openai:${model}` })
    return { node, at, remember, recall, filled, embedder }
  }

  it('finds by meaning, says so in health, stats, capabilities and metrics, and switches while it serves', async () => {
    const first = await start()
    const { token } = await first.remember('internationalisation of the checkout')
    await first.remember('a cat')
    await first.recall('cat', token)
    await expect
      .poll(first.embedder, PATIENCE)
      .toEqual({ id: 'openai:m', dim: DIM, embedded: 2, waiting: 0, replacing: null })
    const found = await first.recall('deinternationalised')
    expect([found.mode, found.memories[0]?.content]).toEqual(['hybrid', 'internationalisation of the checkout'])
    expect(await first.node.health()).toMatchObject({ status: 'ok', embedder_ready: true, reasons: [] })
    expect(await first.node.capabilities()).toMatchObject({ modes: ['lexical', 'hybrid'] })
    expect(await first.node.stats({})).toMatchObject({ total: 2, embedded: 2, embeddings_waiting: 0 })
    expect(await first.node.metrics()).toMatch(
      /mnemesh_embedder_ready 1\n[^]*mnemesh_embeddings 2\n[^]*mnemesh_embeddings_waiting 0\n/,
    )
    await running.pop()?.stop()

    // Another model: its documents wait, and questions go to the older one.
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const asks: string[] = []
    endpoint.misbehave = ({ model, input }, response) => {
      asks.push(`${model} ${input[0]}`)
      if (model === 'm' || input[0] === 'mnemesh') return false
      void gate.then(() => endpoint.answer(response, input, model, 48))
      return true
    }
    const second = await start({ model: 'other', dim: 48 })
    await expect.poll(second.embedder, PATIENCE).toMatchObject({ replacing: 'openai:m', waiting: 2 })
    expect((await second.recall('internationals')).mode).toBe('hybrid')
    expect(asks).toContain('m internationals')
    release()
    await second.filled()
    expect((await second.recall('nationals')).mode).toBe('hybrid')
    expect(asks).toContain('other nationals')
  }, 90_000)

  it('an endpoint that hangs, then is gone, costs writes and searches nothing', async () => {
    endpoint.misbehave = () => true
    const { node, remember, recall, embedder } = await start({ dim: 48, model: 'other' })
    const { token } = await remember('the deploy key rotates on Fridays')
    expect((await recall('deploy key', token)).memories[0]?.content).toMatch(/deploy key/)
    await expect.poll(embedder, PATIENCE).toMatchObject({ waiting: 1 })
    await expect.poll(() => endpoint.requests.length, PATIENCE).toBeGreaterThan(0)
    const took = async (times: number, act: (n: number) => Promise<unknown>): Promise<readonly number[]> => {
      const each: number[] = []
      for (let n = 0; n < times; n++) {
        const from = performance.now()
        await act(n)
        each.push(performance.now() - from)
      }
      return each.sort((a, b) => a - b)
    }
    // A question waits its time out now and then, the others not at all; a busy machine makes some of those slow too.
    const hanging = await took(20, (n) => recall(`question ${n}`))
    expect(hanging[4]).toBeLessThan(limits.embedding_query_ms_max)
    const writes = await took(20, (n) => remember(`note ${n}`))
    expect(writes[4]).toBeLessThan(limits.embedding_query_ms_max)
    await endpoint.stop()
    const gone = await took(20, (n) => recall(`question ${n} of later`))
    expect(gone[4]).toBeLessThan(limits.embedding_query_ms_max)
    const health = await node.health()
    expect([health.status, health.embedder_ready, health.reasons.join()]).toEqual([
      'ok',
      false,
      expect.stringMatching(/words alone.*embedder/),
    ])
    // And when it comes back, on the same port, what waited is embedded.
    endpoint = await startEndpoint(Number(new URL(endpoint.url).port))
    await expect.poll(embedder, PATIENCE).toMatchObject({ waiting: 0 })
  }, 90_000)

  it('erased texts leave no vector', async () => {
    const { node, remember } = await start({ dim: 48, model: 'other' })
    const embedded = async (token: string): Promise<readonly unknown[]> => {
      const stats = await node.stats({ token, wait_ms: 20_000 })
      return [stats['embedded'], stats['total']]
    }
    const { id, token } = await remember('something to be erased')
    const [, total] = await embedded(token)
    await expect.poll(() => embedded(token), PATIENCE).toEqual([total, total])
    const erased = await node.forget(id, { erase: true, agent: 'ai:tester' as AgentId })
    const left = Number(total) - 1
    await expect.poll(() => embedded(erased.token), PATIENCE).toEqual([left, left])
  }, 90_000)
})
