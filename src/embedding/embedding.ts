/**
 * The embeddings of one peer: its embedder fills vectors in the background and is asked for those of questions. While the vectors of
 * an older one still serve, that one is made again from its settings and asked instead.
 */
import type { Clock } from '../ports/clock.ts'
import type { Embedder, Embedding, VectorSpace, VectorStore } from '../ports/embedding.ts'
import { createFill } from './fill.ts'
import type { After } from './openai.ts'
import { createQuestions } from './questions.ts'

export type EmbeddingOptions = {
  readonly embedder: Embedder
  /** The embedder of these settings (`Embedder.origin`); null when it cannot be made here. */
  readonly revive: (origin: string) => Embedder | null
  readonly vectors: VectorStore
  readonly clock: Clock
  readonly after: After
  readonly random: () => number
  readonly log: (line: string) => void
}

/** Starts filling at once. The embedder is closed with it. */
export const createEmbedding = ({
  embedder,
  revive,
  vectors,
  clock,
  after,
  random,
  log,
}: EmbeddingOptions): Embedding => {
  const fill = createFill({ embedder, vectors, after, random, log })
  const questions = createQuestions({ clock, after })
  let older: { readonly origin: string; readonly embedder: Embedder | null } | null = null

  const isOurs = (space: VectorSpace): boolean =>
    space.embedder === embedder.id && space.version === embedder.version && space.dim === embedder.dim

  /** Who can say where a question lies among the vectors that serve. */
  const serving = (): { readonly by: Embedder; readonly space: VectorSpace } | null => {
    const seen = fill.seen()
    if (seen === null) return null
    const { origin, ...space } = seen.serving
    if (isOurs(space)) return { by: embedder, space }
    if (older?.origin !== origin) {
      closeOlder()
      older = { origin, embedder: revive(origin) }
    }
    return older.embedder === null ? null : { by: older.embedder, space }
  }

  const closeOlder = (): void => {
    older?.embedder
      ?.close()
      .catch((error: unknown) => log(`embeddings: closing the older embedder failed: ${String(error)}`))
    older = null
  }

  return {
    vectorOf: async (question) => {
      const asked = serving()
      if (asked === null) return null
      if (asked.by === embedder && older !== null) closeOlder()
      const vector = await questions.vectorOf(asked.by, question)
      return vector === null ? null : { vector, space: asked.space }
    },
    stir: fill.stir,
    status: () => {
      const seen = fill.seen()
      const problem = fill.problem() ?? questions.problem()
      return {
        embedder: embedder.id,
        dim: embedder.dim,
        ready: seen !== null && problem === null,
        embedded: seen?.embedded ?? 0,
        waiting: seen?.waiting ?? 0,
        replacing: seen === null || isOurs(seen.serving) ? null : seen.serving.embedder,
        problem,
        failures: fill.failures() + questions.failures(),
      }
    },
    stop: async () => {
      questions.stop()
      await embedder.close()
      await fill.stop()
      closeOlder()
    },
  }
}
