/**
 * Embeddings: vectors of texts, local and derived, beside the projection's rows.
 */
import type { RecordId } from '../../crdt/ids.ts'

/** Vectors can be compared when all three are equal. `embedder`: kind and model. `version`: whatever else changes what it answers. */
export type VectorSpace = { readonly embedder: string; readonly version: string; readonly dim: number }

/** Makes vectors of texts. */
export type Embedder = {
  /** `openai:nomic-embed-text`: kind and model. */
  readonly id: string
  readonly version: string
  /** Numbers in a vector; null until the first answer. */
  readonly dim: number | null
  /** What makes it again at another start, as JSON, without secrets: vectors made by it serve on while another takes over. */
  readonly origin: string
  /**
   * One vector a text, in their order, each of `dim` finite numbers that are not all zero. A document's request is tried again
   * within bounds, a query's is not.
   * @throws EmbedderFailure, also when `signal` aborts it.
   */
  embed(
    texts: readonly string[],
    kind: 'document' | 'query',
    signal: AbortSignal,
  ): Promise<readonly (readonly number[])[]>
  close(): Promise<void>
}

/** `refused`: it will never take these texts. `unavailable`: not now. `misconfigured`: not until a person has mended it. */
export type EmbedderFailureKind = 'refused' | 'unavailable' | 'misconfigured'
export class EmbedderFailure extends Error {
  readonly kind: EmbedderFailureKind
  constructor(kind: EmbedderFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

export type TextToEmbed = { readonly id: RecordId; readonly text: string }
/** `vector` null: the embedder will never take this text; it waits no longer. */
export type EmbeddedText = TextToEmbed & { readonly vector: readonly number[] | null }

export type Unembedded = {
  /** Newest first. */
  readonly texts: readonly TextToEmbed[]
  /** Memories that lack a vector of the wanted space, and that have one. */
  readonly waiting: number
  readonly embedded: number
  /** Whose vectors recall is answered from, with its `origin`: the wanted ones, or older ones until all of the wanted are there. */
  readonly serving: VectorSpace & { readonly origin: string }
}

/** Vectors beside the projection's rows: local, derived, in no digest. Rejects as the projection does. */
export type VectorStore = {
  /** What is to be embedded next; makes `space` the wanted one. Null when the database cannot hold vectors. */
  unembedded(space: VectorSpace, origin: string, limit: number): Promise<Unembedded | null>
  /** Stores vectors of the wanted space whose text is still that of the memory. */
  embed(space: VectorSpace, texts: readonly EmbeddedText[]): Promise<void>
}

export type EmbeddingStatus = {
  readonly embedder: string
  readonly dim: number | null
  /** Its last answer was one, and the rows hold vectors. */
  readonly ready: boolean
  readonly embedded: number
  readonly waiting: number
  /** The embedder whose vectors serve until all of the new are there; null otherwise. */
  readonly replacing: string | null
  /** One line that names cause and mend; null when nothing is wrong. */
  readonly problem: string | null
  readonly failures: number
}

/** What services ask of the embeddings: a question's vector, within `embedding_query_ms_max`, or null. */
export type Embedding = {
  vectorOf(question: string): Promise<{ readonly vector: readonly number[]; readonly space: VectorSpace } | null>
  /** Rows have changed: there may be texts to embed. */
  stir(): void
  status(): EmbeddingStatus
  stop(): Promise<void>
}
