/**
 * How an embedder is made: plain data without secrets, as the command line gives it and as it is kept beside the vectors it made
 * (`Embedder.origin`), so that after a switch the older one can still be asked for the vectors of questions.
 */
import { createHash } from 'node:crypto'

export type EmbedderSettings = {
  readonly kind: 'openai' | 'transformers'
  /** Base address like `http://127.0.0.1:11434/v1`; for transformers the model's folder. */
  readonly url: string
  /** '' for transformers: the folder is the model. */
  readonly model: string
  /** Numbers in a vector to ask for; null takes the model's own. */
  readonly dim: number | null
  /** Put before a text, as the model's makers say: `search_document: `, `query: `. */
  readonly document_prefix: string
  readonly query_prefix: string
}

export const originOf = ({ kind, url, model, dim, document_prefix, query_prefix }: EmbedderSettings): string =>
  JSON.stringify({ kind, url, model, dim, document_prefix, query_prefix })

/** Null when the text is no settings, as another version of the program may have written. */
export const settingsOf = (origin: string): EmbedderSettings | null => {
  const found: unknown = parsed(origin)
  if (typeof found !== 'object' || found === null) return null
  const { kind, url, model, dim, document_prefix, query_prefix } = found as Readonly<Record<string, unknown>>
  if (kind !== 'openai' && kind !== 'transformers') return null
  if (
    typeof url !== 'string' ||
    typeof model !== 'string' ||
    typeof document_prefix !== 'string' ||
    typeof query_prefix !== 'string'
  )
    return null
  return dim === null || typeof dim === 'number' ? { kind, url, model, dim, document_prefix, query_prefix } : null
}

/** Changes with everything beside the model that changes vectors. The address does not: the same model elsewhere gives the same. */
export const versionOf = ({ dim, document_prefix, query_prefix }: EmbedderSettings): string =>
  createHash('sha256')
    .update(JSON.stringify([dim, document_prefix, query_prefix]))
    .digest('hex')
    .slice(0, 8)

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
