/** Questions to an embedder that is quick, slow, or dead. */
import { expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { EmbedderFailure } from '../ports/embedding.ts'
import { hashedVector, hashingEmbedder } from './hashing.test-support.ts'
import { createQuestions } from './questions.ts'

/** A clock that stands until it is moved; what waits for a moment that has come is run. */
const handTimers = () => {
  let nowMs = 0
  const waiting = new Set<{ readonly atMs: number; readonly run: () => void }>()
  return {
    clock: { now: () => nowMs },
    after: (ms: number, run: () => void) => {
      const one = { atMs: nowMs + ms, run }
      waiting.add(one)
      return () => void waiting.delete(one)
    },
    pass: (ms: number) => {
      nowMs += ms
      for (const one of waiting) if (one.atMs <= nowMs && waiting.delete(one)) one.run()
    },
    waiting: () => waiting.size,
  }
}
const dead = async (): Promise<never> => {
  throw new EmbedderFailure('unavailable', 'nobody there')
}

it('remembers, and asks once for what is asked twice', async () => {
  const time = handTimers()
  const embedder = hashingEmbedder()
  const questions = createQuestions(time)
  const [first, second] = await Promise.all([questions.vectorOf(embedder, 'why'), questions.vectorOf(embedder, 'why')])
  expect([first, second, await questions.vectorOf(embedder, 'why')]).toEqual(
    Array.from({ length: 3 }, () => hashedVector('why', 64)),
  )
  expect(embedder.asked.requests).toBe(1)
  expect(time.waiting()).toBe(0)
  await questions.vectorOf(hashingEmbedder({ version: '2' }), 'why')
  expect(await questions.vectorOf(embedder, ' ')).toBeNull()
  for (let i = 0; i < limits.embedding_queries_remembered; i++) await questions.vectorOf(embedder, `${i}`)
  await questions.vectorOf(embedder, 'why')
  expect(embedder.asked.requests).toBe(limits.embedding_queries_remembered + 2)
})

it('waits a moment for a slow one, then not at all, and keeps what comes late', async () => {
  const time = handTimers()
  let answer: () => void = () => undefined
  const embedder = hashingEmbedder({ fail: () => new Promise((resolve) => (answer = resolve)) })
  const questions = createQuestions(time)
  const asked = questions.vectorOf(embedder, 'why')
  time.pass(limits.embedding_query_ms_max - 1)
  expect(time.waiting()).toBe(1)
  time.pass(1)
  expect(await asked).toBeNull()
  expect(questions.problem()).toMatch(/longer than 150 ms/)
  // Nothing is waited for now, the same question neither, nor asked.
  expect(await Promise.all([questions.vectorOf(embedder, 'why'), questions.vectorOf(embedder, 'else')])).toEqual([
    null,
    null,
  ])
  expect([embedder.asked.requests, time.waiting()]).toEqual([1, 0])
  answer()
  await expect.poll(() => questions.vectorOf(embedder, 'why')).toEqual(hashedVector('why', 64))
  expect(embedder.asked.requests).toBe(1)
  expect(questions.problem()).toMatch(/longer than 150 ms/)
})

it('does not wait for one that is always late more often than for a dead one, and takes it back once it is in time', async () => {
  const time = handTimers()
  let answer: () => void = () => undefined
  const embedder = hashingEmbedder({ fail: () => new Promise((resolve) => (answer = resolve)) })
  const questions = createQuestions(time)
  /** Whether a question was waited for, and its answer came late. */
  const late = async (question: string): Promise<boolean> => {
    const asked = questions.vectorOf(embedder, question)
    const waited = time.waiting() === 1
    time.pass(limits.embedding_query_ms_max)
    expect(await asked).toBeNull()
    answer()
    if (waited) await expect.poll(() => questions.vectorOf(embedder, question)).toEqual(hashedVector(question, 64))
    return waited
  }
  for (
    let restMs: number = limits.embedding_query_rest_ms_min;
    restMs <= limits.embedding_query_rest_ms_max;
    restMs *= 2
  ) {
    expect(await late(`first after ${restMs}`)).toBe(true)
    expect(questions.problem()).toMatch(/longer than/)
    time.pass(restMs - limits.embedding_query_ms_max - 1)
    expect(await late(`second after ${restMs}`)).toBe(false)
    time.pass(1)
  }
  time.pass(limits.embedding_query_rest_ms_max)
  const asked = questions.vectorOf(embedder, 'in time')
  answer()
  expect([await asked, questions.problem()]).toEqual([hashedVector('in time', 64), null])
  time.pass(1)
  expect(await late('again')).toBe(true)
  time.pass(limits.embedding_query_rest_ms_min)
  expect(await late('rested the least')).toBe(true)
})

it('leaves a dead one alone for longer and longer, and takes it back at once', async () => {
  const time = handTimers()
  let fail = dead as () => Promise<void>
  const embedder = hashingEmbedder({ fail: () => fail() })
  const questions = createQuestions(time)
  const asks = async (): Promise<number> => {
    const before = embedder.asked.requests
    await questions.vectorOf(embedder, `question ${before}`)
    return embedder.asked.requests - before
  }
  for (let restMs = limits.embedding_query_rest_ms_min; restMs < limits.embedding_query_rest_ms_max; restMs *= 2) {
    expect(await asks()).toBe(1)
    time.pass(restMs - 1)
    expect(await asks()).toBe(0)
    time.pass(1)
  }
  expect(await asks()).toBe(1)
  time.pass(limits.embedding_query_rest_ms_max)
  fail = async () => undefined
  expect([await asks(), await asks(), questions.problem()]).toEqual([1, 1, null])
  expect(questions.failures()).toBeGreaterThan(5)
})

it('asks for a bounded number at a time, and stops', async () => {
  const time = handTimers()
  const embedder = hashingEmbedder({
    fail: (_, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new EmbedderFailure('unavailable', 'stopped'))),
      ),
  })
  const questions = createQuestions(time)
  const all = Array.from({ length: limits.embedding_queries_max + 5 }, (_, i) =>
    questions.vectorOf(embedder, `question ${i}`),
  )
  expect(embedder.asked.requests).toBe(limits.embedding_queries_max)
  questions.stop()
  expect(await Promise.all(all)).toEqual(all.map(() => null))
  expect(await questions.vectorOf(embedder, 'after')).toBeNull()
})
