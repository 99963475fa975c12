/**
 * How fast recall answers and rows are indexed:
 *
 *   npm run bench:recall -- [--memories 10000] [--database postgres://…] [--questions 2000] [--dim 384] [--seed 1]
 *
 * The projection as a peer has it: in its worker, on the embedded database in a temporary folder or in a schema of its own on that
 * server, which is dropped at the end. Memories are drawn words, their frequencies as in prose (the n-th word 1/n as often), a
 * dozen to sixty a memory, some twenty memories a run. Questions take their words from memories. Prints ms a question without a
 * filter, and with one that keeps 1 %: by words, and by words and vectors; how many of those memories are among the first ten; and how
 * far the rows are behind 1,000 memories a second.
 */
// As a peer's process has it.
import '../../src/v8.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { sha256 } from '../../crdt/hash.ts'
import {
  uuidV8,
  type AgentId,
  type ChainId,
  type CommitHash,
  type EventId,
  type Namespace,
  type PeerId,
  type RecordId,
} from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { VectorStore } from '../../src/ports/embedding.ts'
import type { EventRow, MemoryRow, Projection, ProjectionBatch, RecallQuery } from '../../src/ports/projection.ts'
import { openProjection } from '../../src/projection/projection.ts'
import { systemTimers } from '../../transports/websocket.ts'
import { startBar } from '../bar.ts'
import { tool, whole } from '../command.ts'
import { percentile } from '../eval/recall.ts'

const values = tool(
  'bench:recall',
  'Times recall over made-up memories: lexical, filtered and hybrid; how fast they are indexed, and what they take.',
)
  .option('--memories <n>', 'how many', whole(100), 10_000)
  .option('--questions <n>', 'how many of each kind', whole(20), 2_000)
  .option('--database <url>', 'a Postgres server instead of the embedded database')
  .option(
    '--dim <n>',
    'length of the vectors that each has; 0: none, and no hybrid figures',
    whole(0, limits.embedding_dim_max),
    384,
  )
  .option('--seed <text>', 'the same seed makes the same memories', '1')
  .parse()
  .opts<{ memories: number; questions: number; database?: string; dim: number; seed: string }>()
const { memories: count, questions, dim } = values

const VOCABULARY = 20_000
const RUN_MEMORIES = 20
/** As a peer is that has been asked a thousand times of each kind: until then much of its code is not compiled, and takes half as long again. */
const WARM_QUESTIONS = 1_000
const SCHEMA = 'mnemesh_bench_recall'
const START_MS = Date.UTC(2026, 0, 1)

let state = Number(values.seed)
/** In [0, 1), replayed by the seed (mulberry32). */
const random = (): number => {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

const SYLLABLES = [
  'ba',
  'cor',
  'den',
  'fi',
  'gal',
  'hum',
  'ker',
  'lon',
  'mi',
  'nar',
  'pol',
  'ru',
  'sta',
  'tre',
  'vo',
  'wes',
]
const wordAt = (rank: number): string => {
  let word = ''
  for (let left = rank + SYLLABLES.length; left > 0; left = Math.floor(left / SYLLABLES.length))
    word += SYLLABLES[left % SYLLABLES.length]
  return word
}
/** Zipf's law: the logarithm of the rank is uniform. */
const drawWord = (): string => wordAt(Math.floor(VOCABULARY ** random()) - 1)
const drawText = (words: number): string => Array.from({ length: words }, drawWord).join(' ')

const memoryAt = (n: number): MemoryRow => {
  const at = new Date(START_MS + n * 60_000).toISOString()
  return {
    id: uuidV8(sha256('bench/recall/1', String(n))) as RecordId,
    namespace: 'bench' as Namespace,
    title: null,
    content: drawText(12 + Math.floor(48 * random())),
    kind: 'fact',
    tier: 'mid',
    tags: n % 100 === 0 ? ['one-percent'] : [],
    priority: 5,
    confidence: 1,
    source: null,
    scope: null,
    run_id: `run-${Math.floor(n / RUN_MEMORIES)}`,
    occurred_at: null,
    expires_at: null,
    metadata: {},
    agent_id: `ai:${n % 7}` as AgentId,
    peer_id: 'cd'.repeat(32) as PeerId,
    created_at: at,
    updated_at: at,
    version: '1',
    forgotten: false,
    erased: false,
    conflicts: 0,
  }
}

/** Four to eight words of one memory, as a question would have them. */
const questionOf = (memory: MemoryRow): string => {
  const words = (memory.content ?? '').split(' ')
  return Array.from({ length: 4 + Math.floor(5 * random()) }, () => words[Math.floor(random() * words.length)]).join(
    ' ',
  )
}

const main = async (): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'mnemesh-bench-recall-'))
  const { database } = values
  const projection = openProjection(
    database === undefined ? { kind: 'pglite', dir } : { kind: 'postgres', url: database, schema: SCHEMA },
    { clock: systemTimers, timers: systemTimers, log: (line) => console.error(line) },
  )
  try {
    await projection.open()
    await projection.reset()
    const memories = Array.from({ length: count }, (_, n) => memoryAt(n))
    const startedMs = performance.now()
    for (let at = 0; at < count; at += limits.projection_batch_rows_target)
      await projection.apply(batchOf(memories.slice(at, at + limits.projection_batch_rows_target)))
    const seconds = (performance.now() - startedMs) / 1_000
    console.log(
      `${count} memories on ${database === undefined ? 'the embedded database' : 'Postgres'}: ${Math.round(count / seconds)} rows/s indexed, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB resident`,
    )
    await rested(projection, database)
    await measure(projection, memories, 'no filter', {})
    await measure(projection, memories, 'a filter that keeps 1 %', { tags: ['one-percent'] })
    if (dim > 0) await measureHybrid(projection, memories, database)
    await follow(projection, memories)
  } finally {
    await projection.close()
    if (database !== undefined) await onServer(database, `drop schema if exists ${SCHEMA} cascade`)
    await rm(dir, { recursive: true, force: true })
  }
}

const measureHybrid = async (
  projection: Projection & VectorStore,
  memories: readonly MemoryRow[],
  database: string | undefined,
): Promise<void> => {
  const embeddedMs = performance.now()
  const vectors = await embedAll(projection)
  console.log(
    `${vectors} vectors of ${dim} numbers: ${Math.round((1_000 * vectors) / (performance.now() - embeddedMs))} a second stored and indexed`,
  )
  await rested(projection, database)
  const vector = (): Partial<RecallQuery> => ({ vector: vectorNear(Math.floor(random() * TOPICS)), space: SPACE })
  await measure(projection, memories, 'no filter', {}, vector)
  await measure(projection, memories, 'a filter that keeps 1 %', { tags: ['one-percent'] }, vector)
}

const eventOf = ({ id, namespace, agent_id, peer_id, created_at }: MemoryRow): EventRow => ({
  event_id: id as string as EventId,
  commit: 'ef'.repeat(32) as CommitHash,
  namespace,
  kind: 'memory.put',
  record: id,
  agent_id,
  peer_id,
  at: created_at,
  hlc: 0,
})

let arrival = 0
const batchOf = (memories: readonly MemoryRow[]): ProjectionBatch => ({
  memories,
  links: [],
  episodes: [],
  events: memories.map(eventOf),
  conflicts: [],
  chains: [
    {
      chain: 'ef'.repeat(16) as ChainId,
      namespace: memories[0]?.namespace ?? null,
      arrived: arrival + 1,
      counted: arrival + 1,
    },
  ],
  cursor: { epoch: 'ab'.repeat(16), revision: 0, arrival: ++arrival },
})

const RATE = 1_000
const RATE_SECONDS = 20
const ASK_EVERY_MS = 50

/** Memories come at a steady rate, and somebody asks meanwhile: how long does each take until it can be found, how many wait at most? */
const follow = async (projection: Projection, known: readonly MemoryRow[]): Promise<void> => {
  const fresh = Array.from({ length: RATE * RATE_SECONDS }, (_, n) => memoryAt(count + n))
  const [lags, asked]: [number[], number[]] = [[], []]
  let [applied, behindMost] = [0, 0]
  const startMs = performance.now()
  const ask = async (): Promise<void> => {
    while (applied < fresh.length) {
      const fromMs = performance.now()
      await projection.recall(
        { q: questionOf(known[Math.floor(random() * known.length)]!), namespace: 'bench' as Namespace, limit: 10 },
        new Date(START_MS + count * 60_000).toISOString(),
      )
      asked.push(performance.now() - fromMs)
      await sleep(ASK_EVERY_MS)
    }
  }
  const asking = ask()
  while (applied < fresh.length) {
    const due = Math.min(fresh.length, Math.floor(((performance.now() - startMs) * RATE) / 1_000))
    behindMost = Math.max(behindMost, due - applied)
    const part = fresh.slice(applied, Math.min(due, applied + limits.projection_batch_rows_target))
    if (part.length === 0) {
      await sleep(1)
      continue
    }
    await projection.apply(batchOf(part))
    const nowMs = performance.now()
    for (let i = 0; i < part.length; i++) lags.push(nowMs - startMs - ((applied + i) * 1_000) / RATE)
    applied += part.length
  }
  await asking
  console.log(
    `${RATE} memories a second for ${RATE_SECONDS} s: found after p50 ${percentile(lags, 0.5).toFixed(0)} ms, p95 ${percentile(lags, 0.95).toFixed(0)} ms, at most ${behindMost} waiting; a question meanwhile p50 ${percentile(asked, 0.5).toFixed(1)} ms, p95 ${percentile(asked, 0.95).toFixed(1)} ms; ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB resident`,
  )
}

const measure = async (
  projection: Projection,
  memories: readonly MemoryRow[],
  what: string,
  filter: Partial<RecallQuery>,
  vector: () => Partial<RecallQuery> = () => ({}),
): Promise<void> => {
  const now = new Date(START_MS + count * 60_000).toISOString()
  const took: number[] = []
  let mode = ''
  let first = 0
  for (let n = 0; n < WARM_QUESTIONS + questions; n++) {
    const memory = memories[Math.floor(random() * memories.length)]!
    const q = questionOf(memory)
    const asked = vector()
    const fromMs = performance.now()
    const answer = await projection.recall({ q, namespace: 'bench' as Namespace, limit: 10, ...filter, ...asked }, now)
    if (n >= WARM_QUESTIONS) took.push(performance.now() - fromMs)
    if (answer.memories.some(({ id }) => id === memory.id)) first++
    mode = answer.mode
  }
  console.log(
    `${what}, ${mode}: p50 ${percentile(took, 0.5).toFixed(2)} ms, p95 ${percentile(took, 0.95).toFixed(2)} ms over ${questions} questions${Object.keys(filter).length > 0 ? '' : `; ${((100 * first) / (WARM_QUESTIONS + questions)).toFixed(1)} % of the memories among the first ten`}`,
  )
}

/** As a database is once nothing has been written for a while: the embedded one vacuums itself then, a server by its autovacuum, which comes when it likes. */
const rested = async (projection: Projection, database: string | undefined): Promise<void> => {
  if (database !== undefined)
    return onServer(
      database,
      `vacuum (analyze) ${['memories', 'postings', 'words', ...(dim > 0 ? ['embeddings'] : [])].map((table) => `${SCHEMA}.${table}`).join(', ')}`,
    )
  await sleep(limits.projection_rest_ms + 500)
  await projection.stats()
}

const SPACE = { embedder: 'bench', version: '1', dim }
/** Texts of one topic lie near each other, as they do for any model. */
const TOPICS = 200
const SPREAD = 0.6
const topics = Array.from({ length: dim === 0 ? 0 : TOPICS }, () => Array.from({ length: dim }, () => random() - 0.5))
const vectorNear = (topic: number): readonly number[] =>
  topics[topic]!.map((value) => value + SPREAD * (random() - 0.5))

const embedAll = async (projection: Projection & VectorStore): Promise<number> => {
  const bar = startBar('vectors', count)
  for (let done = 0; ;) {
    const next = await projection.unembedded(SPACE, '{}', limits.embedding_batch_texts_max)
    if (next === null)
      throw new Error('this database cannot hold vectors: it has no pgvector; --dim 0 measures without')
    if (next.texts.length === 0) {
      bar.stop()
      return done
    }
    await projection.embed(
      SPACE,
      next.texts.map((text) => ({ ...text, vector: vectorNear(Math.floor(random() * TOPICS)) })),
    )
    done += next.texts.length
    bar.add(next.texts.length)
  }
}

const onServer = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

await main()
