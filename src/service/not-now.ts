/** What a read says when the search index cannot answer now, and what stats say of the embedder. */
import { NodeError } from '../errors.ts'
import type { Embedding } from '../ports/embedding.ts'

export const unavailable = (why: string): NodeError => new NodeError('projection_unavailable', why, { retry_after: 1 })

export const notYetShown = (trouble: string | null): NodeError =>
  new NodeError(
    'not_yet_here',
    `the search index has not taken in what the token saw in time${trouble === null ? '' : ` (${trouble})`}: try again`,
  )

export const embeddingStats = (embedding: Embedding | null): Readonly<Record<string, number>> => {
  if (embedding === null) return {}
  const { embedded, waiting } = embedding.status()
  return { embedded, embeddings_waiting: waiting }
}
