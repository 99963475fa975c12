/**
 * With 20,000 chains a write and an answer take what they take with twenty: nobody walks through the chains, nothing that grows with them
 * goes to the database's worker or comes back, and the rows of the chains stay where they are.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import { afterAll, expect, test } from 'vitest'
import { emptyChain } from '../crdt/chain.ts'
import { tokenOf } from '../crdt/frontier-token.ts'
import type { AgentId, ChainId, Namespace, PeerId } from '../crdt/ids.ts'
import type { ProjectionBatch } from '../src/ports/projection.ts'
import { createEngine } from '../src/projection/engine.ts'
import { openPglite } from '../src/projection/pglite.ts'
import { batch, memory, NOW } from '../src/projection/testing/rows.ts'
import { logFrontier } from '../src/service/log-frontier.ts'
import { threadMs } from '../src/testing/turn-cpu.ts'
import { createWorld } from '../src/testing/world.ts'
import { createDumbProjection } from './model/projection.ts'

const CHAINS = 20_000
/** One write's batch, or an answer of a few rows: some 1 KB a row. */
const BYTES_MAX = 8_192
const agent = 'ai:alice' as AgentId
const chainOf = (n: number): ChainId => n.toString(16).padStart(32, '0') as ChainId
const namespaceOf = (n: number): Namespace => `team/${n % 5_000}` as Namespace

test('a write and its answers walk through no chains, on the main thread', { timeout: 60_000 }, async () => {
  const rows = createDumbProjection()
  const sizes: number[] = []
  const measured = <T>(value: T): T => {
    sizes.push(serialize(value).length)
    return value
  }
  const projection = {
    ...rows,
    apply: (given: ProjectionBatch) => rows.apply(measured(given)),
    list: async (...asked: Parameters<typeof rows.list>) => measured(await rows.list(...asked)),
    recall: async (...asked: Parameters<typeof rows.recall>) => measured(await rows.recall(...asked)),
    episodes: async (...asked: Parameters<typeof rows.episodes>) => measured(await rows.episodes(...asked)),
  }
  const world = await createWorld({ peers: 1, seed: 11, projection: () => projection })
  const { node, replica } = world.peer(0)
  await world.run(node.remember('team/api' as Namespace, { content: 'the first' }, { agent }))
  const { chains } = replica.index
  for (let n = 0; n < CHAINS; n++)
    chains.set(chainOf(n), {
      ...emptyChain(chainOf(n), 'ab'.repeat(32) as PeerId, '' as never, namespaceOf(n)),
      seq: 3,
    })
  let walked: string[] = []
  for (const walk of ['values', 'keys', 'entries', 'forEach', Symbol.iterator] as const) {
    const plain = (chains[walk] as () => never).bind(chains)
    Object.assign(chains, {
      [walk]: (...given: []) => {
        walked.push(`${String(walk)} ${new Error('here').stack?.split('\n')[2] ?? ''}`)
        return plain(...given)
      },
    })
  }
  sizes.length = 0
  const { id, token } = (await world.run(node.remember('team/api' as Namespace, { content: 'the second' }, { agent })))!
  const answers = [
    await world.run(node.list({}, { limit: 5 }, { token })),
    await world.run(node.recall({ q: 'the', limit: 5 }, { token })),
    await world.run(node.episodes({ agent_id: agent, limit: 5 }, { token })),
    await world.run(node.get(id, { token })),
  ]
  expect([answers.includes(undefined), walked]).toEqual([false, []])
  expect(sizes.length).toBeGreaterThanOrEqual(4)
  expect(Math.max(...sizes, ...answers.map((answer) => JSON.stringify(answer).length))).toBeLessThan(BYTES_MAX)
  // Whoever asks for all of them is the one who waits for it.
  const { frontier } = (await world.run(node.list({}, { limit: 5 }, { frontier: 'full' })))!
  expect(Object.keys(frontier)).toEqual(['team/api'])
  walked = []
  expect(Object.keys(logFrontier(replica.index))).toHaveLength(5_001)
  expect(walked).toHaveLength(1)
  await world.stopAll()
})

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-many-chains-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test(
  'nor do the rows: a batch writes those of its chains, and an answer reads none',
  { timeout: 120_000 },
  async () => {
    const sql = openPglite(folder, () => undefined)
    const engine = createEngine(sql)
    await engine.open()
    let arrival = 0
    /** Mean ms of this thread, in which the embedded database runs. */
    const mean = async (work: (n: number) => Promise<unknown>): Promise<number> => {
      for (let n = 0; n < 10; n++) await work(n)
      const from = threadMs()
      for (let n = 10; n < 40; n++) await work(n)
      return (threadMs() - from) / 30
    }
    const write = (n: number): Promise<void> =>
      engine.apply({
        ...batch(++arrival, { memories: [memory(arrival)] }),
        chains: [
          { chain: chainOf(n % 20), namespace: namespaceOf(n % 20), arrived: 10 + arrival, counted: 10 + arrival },
        ],
        after: arrival - 1,
      })
    const list = (): Promise<unknown> => engine.list({}, { limit: 1, now: NOW })
    const few = { write: await mean(write), list: await mean(list) }
    for (let n = 0; n < CHAINS; n += 1_000)
      await engine.apply({
        ...batch(++arrival, {}),
        chains: Array.from({ length: 1_000 }, (_, i) => ({
          chain: chainOf(100 + n + i),
          namespace: namespaceOf(n + i),
          arrived: 3,
          counted: 3,
        })),
      })
    const written = (): Promise<readonly { readonly chain: string; readonly place: string }[]> =>
      sql.snapshot((query) => query('select chain::text, ctid::text as place from chains order by chain'))
    const before = await written()
    const many = { write: await mean(write), list: await mean(list) }
    const after = await written()
    const placeByChain = new Map(before.map(({ chain, place }) => [chain, place]))
    expect([after.length, after.filter(({ chain, place }) => placeByChain.get(chain) !== place).length]).toEqual([
      CHAINS + 20,
      20,
    ])
    const shown = await engine.list({}, { limit: 1, now: NOW }, 'full')
    expect((await engine.list({}, { limit: 1, now: NOW })).frontier).toBe(tokenOf(shown.frontier as never))
    process.stdout.write(
      `${CHAINS} chains: a batch ${few.write.toFixed(2)} → ${many.write.toFixed(2)} ms, an answer ${few.list.toFixed(2)} → ${many.list.toFixed(2)} ms\n`,
    )
    // What is walked through takes a hundred times as long.
    expect(many.write).toBeLessThan(3 * few.write + 1)
    expect(many.list).toBeLessThan(3 * few.list + 1)
    await engine.close()
  },
)
