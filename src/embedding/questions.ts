/**
 * The vector of a question, soon or not at all: recall never waits longer than `embedding_query_ms_max`, and after a late or failed
 * answer it does not wait for a while, doubled up to a bound, until one comes in time. What comes late is kept for the next time it is
 * asked, and ends no rest: an embedder that is always a bit too slow would have every question wait for nothing.
 */
import { LRUCache } from 'lru-cache'
import { limits } from '../../crdt/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Embedder } from '../ports/embedding.ts'
import type { After } from './openai.ts'

export type Questions = {
  /** Null: recall without it. */
  vectorOf(embedder: Embedder, question: string): Promise<readonly number[] | null>
  /** Why the last one failed, null when it did not. */
  problem(): string | null
  failures(): number
  stop(): void
}

/** `late`: somebody waited for it in vain. */
type Asked = { readonly vector: Promise<readonly number[] | null>; late: boolean }

export const createQuestions = ({ clock, after }: { readonly clock: Clock; readonly after: After }): Questions => {
  const remembered = new LRUCache<string, readonly number[]>({ max: limits.embedding_queries_remembered })
  const underWay = new Map<string, Asked>()
  const stopping = new AbortController()
  let restMs: number = limits.embedding_query_rest_ms_min
  let restUntil = Number.NEGATIVE_INFINITY
  let problem: string | null = null
  let failures = 0

  const failed = (why: string): void => {
    failures++
    problem = why
    if (clock.now() < restUntil) return
    restUntil = clock.now() + restMs
    restMs = Math.min(limits.embedding_query_rest_ms_max, 2 * restMs)
  }

  const ask = async (embedder: Embedder, question: string, key: string): Promise<readonly number[] | null> => {
    try {
      const [vector = null] = await embedder.embed([question], 'query', stopping.signal)
      if (vector !== null) remembered.set(key, vector)
      if (underWay.get(key)?.late === true) return vector
      problem = null
      restMs = limits.embedding_query_rest_ms_min
      restUntil = Number.NEGATIVE_INFINITY
      return vector
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error))
      return null
    } finally {
      underWay.delete(key)
    }
  }

  /** One of several that end together when the time is over. */
  const inTime = (asked: Asked): Promise<readonly number[] | null> =>
    new Promise((resolve, reject) => {
      const cancel = after(limits.embedding_query_ms_max, () => {
        asked.late = true
        failed(
          `the embedder takes longer than ${limits.embedding_query_ms_max} ms for a question, so recall goes by words; a smaller model or a nearer one mends that`,
        )
        resolve(null)
      })
      asked.vector.then(resolve, reject).finally(cancel)
    })

  return {
    vectorOf: async (embedder, question) => {
      const text = question.slice(0, limits.embedding_query_bytes_max)
      const key = `${embedder.id}\n${embedder.version}\n${text}`
      const known = remembered.get(key)
      if (known !== undefined) return known
      const resting = clock.now() < restUntil
      const before = underWay.get(key)
      if (before !== undefined) return resting ? null : inTime(before)
      if (text.trim() === '' || resting || underWay.size >= limits.embedding_queries_max || stopping.signal.aborted)
        return null
      const asked: Asked = { vector: ask(embedder, text, key), late: false }
      underWay.set(key, asked)
      return inTime(asked)
    },
    problem: () => problem,
    failures: () => failures,
    stop: () => stopping.abort(),
  }
}
