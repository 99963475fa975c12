/** Checks what an embedder answered. Nothing that fails here reaches the database. */
import { limits } from '../../crdt/limits.ts'

type Entry = { readonly index?: unknown; readonly embedding?: unknown }

/**
 * Vectors of an answer in OpenAI's form, in the order of the request; or what is wrong with it, as the end of a sentence.
 * @param dim numbers that each must have; null takes what the first has.
 */
export const readVectors = (
  body: string,
  count: number,
  dim: number | null,
): readonly (readonly number[])[] | string => {
  const entries = entriesOf(body)
  if (typeof entries === 'string') return entries
  if (entries.length !== count) return `${entries.length} vectors for ${count} texts`
  const vectors: (readonly number[] | undefined)[] = Array.from({ length: count }, () => undefined)
  for (const [place, { index = place, embedding }] of entries.entries()) {
    // Told only when it is a number: an answer may have the text that was asked anywhere.
    if (typeof index !== 'number') return 'vectors that it numbers without numbers'
    if (!(index in vectors) || vectors[index] !== undefined) return `vectors that it numbers ${index}`
    const wrong = wrongWith(embedding, dim ?? lengthOf(entries[0]?.embedding))
    if (wrong !== null) return wrong
    vectors[index] = embedding as readonly number[]
  }
  return vectors as readonly (readonly number[])[]
}

/** What is wrong with a vector, as the end of a sentence; null when nothing is. */
export const wrongWith = (vector: unknown, dim: number): string | null => {
  if (!Array.isArray(vector)) return 'something that is no list of numbers'
  if (vector.length !== dim) return `${vector.length} numbers where ${dim} are wanted`
  if (dim < 1 || dim > limits.embedding_dim_max)
    return `${dim} numbers a vector, of which 1 to ${limits.embedding_dim_max} can be kept`
  if (!vector.every((value) => typeof value === 'number' && Number.isFinite(Math.fround(value))))
    return 'something that is no number'
  // It points nowhere, so it is near to nothing.
  return vector.some((value) => Math.fround(value as number) !== 0) ? null : 'nothing but zeros'
}

const entriesOf = (body: string): readonly Entry[] | string => {
  try {
    const answer: unknown = JSON.parse(body)
    if (typeof answer !== 'object' || answer === null || !('data' in answer) || !Array.isArray(answer.data))
      return 'something without data'
    const entries: readonly unknown[] = answer.data
    return entries.every((entry): entry is Entry => typeof entry === 'object' && entry !== null)
      ? entries
      : 'something without vectors'
  } catch {
    return 'something that is no JSON'
  }
}

const lengthOf = (vector: unknown): number => (Array.isArray(vector) ? vector.length : 0)
