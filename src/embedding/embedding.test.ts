/** Filling and asking, over a real embedded database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { EmbedderFailure, type Embedder, type Embedding, type VectorStore } from '../ports/embedding.ts'
import { ProjectionFailure, type RecallAnswer } from '../ports/projection.ts'
import { createEngine, type Engine } from '../projection/engine.ts'
import { openPglite } from '../projection/pglite.ts'
import { empty } from '../projection/testing/empty.ts'
import { batch, id, memory, NOW } from '../projection/testing/rows.ts'
import { createEmbedding } from './embedding.ts'
import { hastyTimers, realAfter } from './endpoint.test-support.ts'
import { hashingEmbedder } from './hashing.test-support.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-embedding-'))
const sql = openPglite(folder, () => undefined)
const engine: Engine = createEngine(sql)
let arrival = 0
let running: Embedding[] = []
let said: string[] = []

beforeAll(() => engine.open())
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  said = []
  arrival = 0
  await empty(sql)
})
afterEach(async () => {
  for (const embedding of running) await embedding.stop()
  running = []
})

const put = async (...memories: ReturnType<typeof memory>[]): Promise<void> => {
  await engine.apply(batch(++arrival, { memories }))
  for (const embedding of running) embedding.stir()
}
const start = (
  embedder: Embedder,
  {
    vectors = engine,
    revive = () => null,
    after = realAfter,
  }: {
    readonly vectors?: VectorStore
    readonly revive?: (origin: string) => Embedder | null
    readonly after?: typeof realAfter
  } = {},
): Embedding => {
  const embedding = createEmbedding({
    embedder,
    revive,
    vectors,
    clock: { now: () => performance.now() },
    after,
    random: () => 0,
    log: (line) => said.push(line),
  })
  running.push(embedding)
  return embedding
}
const filled = (embedding: Embedding, embedded: number) =>
  expect
    .poll(() => embedding.status(), { timeout: 10_000 })
    .toMatchObject({ ready: true, embedded, waiting: 0, replacing: null, problem: null })
const ask = async (embedding: Embedding, q: string): Promise<RecallAnswer> =>
  engine.recall({ q, limit: 5, ...(await embedding.vectorOf(q)) }, NOW)

it('fills what is there and what comes, and recall finds by meaning what words do not', async () => {
  await put(memory(1, { content: 'internationalisation' }), memory(2, { content: 'a cat' }))
  const embedding = start(hashingEmbedder())
  await filled(embedding, 2)
  await put(memory(3, { content: 'authentification' }))
  await filled(embedding, 3)
  const { mode, memories } = await ask(embedding, 'deinternationalised')
  expect([mode, memories[0]?.id]).toEqual(['hybrid', id(1)])
})

it('goes on where it was when it ends in the middle of the filling', async () => {
  await put(...Array.from({ length: 150 }, (_, i) => memory(i)))
  let release: () => void = () => undefined
  let requests = 0
  const stuck = hashingEmbedder({
    fail: () => (++requests < 2 ? Promise.resolve() : new Promise((resolve) => (release = resolve))),
  })
  const first = start(stuck)
  await expect.poll(() => requests).toBe(2)
  running = []
  const stopped = first.stop()
  release()
  await stopped
  const embedder = hashingEmbedder()
  await filled(start(embedder), 150)
  expect(embedder.asked.texts).toBeLessThanOrEqual(150 - 64)
})

it('switches while the older vectors serve, asking the older embedder for questions', async () => {
  await put(...Array.from({ length: 100 }, (_, i) => memory(i, { content: `subject ${i}` })))
  const old = start(hashingEmbedder())
  await filled(old, 100)
  await old.stop()
  running = []
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const next = hashingEmbedder({
    dim: 48,
    version: '2',
    fail: (kind) => (kind === 'document' ? gate : Promise.resolve()),
  })
  const revived = hashingEmbedder()
  const embedding = start(next, { revive: (origin) => (origin === revived.origin ? revived : null) })
  await expect.poll(() => embedding.status().replacing).toBe('hashing:trigrams')
  expect((await ask(embedding, 'subject 7')).mode).toBe('hybrid')
  expect(revived.asked.requests).toBe(1)
  release()
  await filled(embedding, 100)
  expect((await ask(embedding, 'subject 7')).mode).toBe('hybrid')
  expect(revived.asked.requests).toBe(1)
  expect(next.asked.texts).toBe(101)
})

it('is lexical while older vectors serve that nobody can ask for', async () => {
  await put(memory(1))
  const old = start(hashingEmbedder())
  await filled(old, 1)
  await old.stop()
  running = []
  const embedding = start(
    hashingEmbedder({
      version: '2',
      fail: () => new Promise((_, reject) => setImmediate(() => reject(new EmbedderFailure('unavailable', 'not now')))),
    }),
  )
  await expect.poll(() => embedding.status().replacing).toBe('hashing:trigrams')
  expect((await ask(embedding, 'text of 1')).mode).toBe('lexical')
})

it('gives up a text that is refused, and no text when all are', async () => {
  await put(memory(1, { content: 'unspeakable' }), memory(2), memory(3))
  const refuse = async (texts: readonly string[], all: boolean): Promise<void> => {
    if (all || texts.some((text) => text.includes('unspeakable')))
      throw new EmbedderFailure('refused', 'it is too long')
  }
  const embedding = start(hashingEmbedder({ fail: (_, _signal, texts) => refuse(texts, false) }))
  await filled(embedding, 2)
  expect(said).toEqual([`embeddings: memory ${id(1)} is found by its words only: it is too long`])
  await embedding.stop()
  running = []
  const picky = start(hashingEmbedder({ version: '2', fail: (_, _signal, texts) => refuse(texts, true) }))
  await expect.poll(() => picky.status().problem).toMatch(/refuses every text/)
  expect(picky.status().waiting).toBe(3)
})

it('retries a failing embedder with growing pauses, tells each problem once, and recovers', async () => {
  await put(memory(1))
  const timers = hastyTimers()
  let left = 6
  const embedding = start(
    hashingEmbedder({
      fail: async () => {
        if (left-- > 0) throw new EmbedderFailure('unavailable', 'it sleeps')
      },
    }),
    { after: timers.after },
  )
  await filled(embedding, 1)
  expect(said).toEqual(['embeddings: it sleeps'])
  expect(timers.waits.slice(0, 6)).toEqual([125, 250, 500, 1_000, 2_000, 4_000])
  expect(embedding.status().failures).toBe(6)
})

it('refuses vectors of an embedder that breaks its word', async () => {
  await put(memory(1))
  const embedder = hashingEmbedder()
  const embedding = start({ ...embedder, embed: async () => [[Number.NaN]] })
  await expect.poll(() => embedding.status().problem).toMatch(/1 numbers where 64/)
  expect(embedding.status()).toMatchObject({ ready: false, embedded: 0 })
})

it('says that the database holds no vectors, and looks again', async () => {
  await put(memory(1))
  let looks = 0
  const vectors: VectorStore = {
    unembedded: async (...args) => (looks++ < 3 ? null : engine.unembedded(...args)),
    embed: engine.embed,
  }
  let go: () => void = () => undefined
  const after = (_: number, run: () => void): (() => void) => {
    go = run
    return () => undefined
  }
  const embedding = start(hashingEmbedder(), { vectors, after })
  await expect.poll(() => embedding.status().problem).toMatch(/holds no vectors/)
  expect(await embedding.vectorOf('x')).toBeNull()
  embedding.stir()
  for (let look = 1; look <= 3; look++) {
    await expect.poll(() => looks).toBe(look)
    go()
  }
  await filled(embedding, 1)
})

it('waits for a projection that is not open yet without a word', async () => {
  await put(memory(1))
  let closed = 3
  const vectors: VectorStore = {
    unembedded: async (...args) =>
      closed-- > 0
        ? Promise.reject(new ProjectionFailure('projection: not open yet; try again'))
        : engine.unembedded(...args),
    embed: engine.embed,
  }
  await filled(start(hashingEmbedder(), { vectors, after: hastyTimers().after }), 1)
  expect(said).toEqual([])
})
