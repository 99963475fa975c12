/**
 * An embedder for tests: counts a text's character trigrams in `dim` places chosen by a hash. The same text gives the same vector,
 * texts that share letters lie near each other, and nothing is learnt: no measure of what a model finds.
 */
import { createHash } from 'node:crypto'
import type { Embedder } from '../ports/embedding.ts'

export type HashingEmbedder = Embedder & {
  /** Requests made so far, and texts in them. */
  readonly asked: { requests: number; texts: number }
}

/** @param fail called before each request: what it throws or waits for happens to the request. */
export const hashingEmbedder = ({
  dim = 64,
  version = '1',
  fail = async () => undefined,
}: {
  readonly dim?: number
  readonly version?: string
  readonly fail?: (kind: 'document' | 'query', signal: AbortSignal, texts: readonly string[]) => Promise<void>
} = {}): HashingEmbedder => {
  const asked = { requests: 0, texts: 0 }
  return {
    id: 'hashing:trigrams',
    version,
    dim,
    origin: JSON.stringify({ kind: 'hashing', dim, version }),
    asked,
    embed: async (texts, kind, signal) => {
      asked.requests++
      asked.texts += texts.length
      await fail(kind, signal, texts)
      return texts.map((text) => hashedVector(text, dim, version))
    },
    close: async () => undefined,
  }
}

export const hashedVector = (text: string, dim: number, version = '1'): readonly number[] => {
  const counts = new Float64Array(dim)
  const letters = ` ${text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()} `
  for (let i = 0; i + 3 <= letters.length; i++) {
    const digest = createHash('md5')
      .update(version)
      .update(letters.slice(i, i + 3))
      .digest()
    counts[digest.readUInt32LE(0) % dim]! += digest[4]! % 2 === 0 ? 1 : -1
  }
  const length = Math.hypot(...counts)
  if (length === 0) counts[0] = 1
  return [...counts].map((count) => count / (length || 1))
}
