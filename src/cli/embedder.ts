/**
 * Which embedder a peer uses: the options of `serve`, each with an environment variable, so that `npm start` can be told too.
 */
import { type Command, Option } from 'commander'
import { limits } from '../../crdt/limits.ts'
import type { EmbedderChoice } from '../node.ts'
import { usage } from './failure.ts'
import type { Io } from './io.ts'
import { wholeNumber } from './options.ts'
import { given } from './target.ts'

export type EmbedderOptions = {
  readonly embedder?: string
  readonly embedderUrl?: string
  readonly embedderModel?: string
  readonly embedderDim?: number
  readonly embedderDocumentPrefix?: string
  readonly embedderQueryPrefix?: string
}

const KINDS = ['openai', 'transformers', 'none'] as const
/** Ollama's, where nothing else is said. */
const DEFAULT_EMBEDDER_URL = 'http://127.0.0.1:11434/v1'

export const embedderOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--embedder <kind>',
        'search by meaning too: openai (any endpoint that speaks its /embeddings: Ollama, vLLM, …), transformers (a local folder), none (default: $MNEMESH_EMBEDDER, or none)',
      ).choices(KINDS),
    )
    .option(
      '--embedder-url <url>',
      `its base address (default: $MNEMESH_EMBEDDER_URL, or ${DEFAULT_EMBEDDER_URL}); its key is $MNEMESH_EMBEDDER_KEY`,
    )
    .option('--embedder-model <name>', 'the model; with transformers its folder (default: $MNEMESH_EMBEDDER_MODEL)')
    .option(
      '--embedder-dim <n>',
      "numbers in a vector (default: $MNEMESH_EMBEDDER_DIM, or the model's own)",
      wholeNumber(1, limits.embedding_dim_max),
    )
    .option(
      '--embedder-document-prefix <text>',
      'put before each memory, where the model wants it (default: $MNEMESH_EMBEDDER_DOCUMENT_PREFIX)',
    )
    .option('--embedder-query-prefix <text>', 'put before each question (default: $MNEMESH_EMBEDDER_QUERY_PREFIX)')

/** Null: no embedder. */
export const embedderChoice = (options: EmbedderOptions, env: Io['env']): EmbedderChoice | null => {
  const kind = options.embedder ?? given(env['MNEMESH_EMBEDDER']) ?? 'none'
  if (kind === 'none') return null
  if (kind !== 'openai' && kind !== 'transformers')
    throw usage(`MNEMESH_EMBEDDER is '${kind}'; set it to one of ${KINDS.join(', ')}`)
  const model = options.embedderModel ?? given(env['MNEMESH_EMBEDDER_MODEL'])
  if (model === undefined)
    throw usage(
      `the embedder needs a model; give --embedder-model, ${kind === 'openai' ? 'like nomic-embed-text' : "the model's folder"}`,
    )
  const shared = {
    dim: options.embedderDim ?? dimOf(given(env['MNEMESH_EMBEDDER_DIM'])),
    document_prefix: options.embedderDocumentPrefix ?? env['MNEMESH_EMBEDDER_DOCUMENT_PREFIX'] ?? '',
    query_prefix: options.embedderQueryPrefix ?? env['MNEMESH_EMBEDDER_QUERY_PREFIX'] ?? '',
  }
  if (kind === 'transformers') return { settings: { kind, url: model, model: '', ...shared }, key: null }
  const url = options.embedderUrl ?? given(env['MNEMESH_EMBEDDER_URL']) ?? DEFAULT_EMBEDDER_URL
  // Not repeated: there may be a secret in it.
  if (!isBaseAddress(url))
    throw usage(
      `--embedder-url is like ${DEFAULT_EMBEDDER_URL}, without user name, password, ? or #; a key goes into MNEMESH_EMBEDDER_KEY`,
    )
  return { settings: { kind, url, model, ...shared }, key: keyOf(given(env['MNEMESH_EMBEDDER_KEY'])) }
}

/** The address is told in health, in the log and in the database, so nothing secret may be in it. */
const isBaseAddress = (text: string): boolean => {
  if (!URL.canParse(text) || /[?#]/.test(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

const dimOf = (text: string | undefined): number | null => {
  if (text === undefined) return null
  const dim = Number(text)
  if (!(Number.isInteger(dim) && dim >= 1 && dim <= limits.embedding_dim_max))
    throw usage(`MNEMESH_EMBEDDER_DIM is '${text}'; set it to a number from 1 to ${limits.embedding_dim_max}`)
  return dim
}

/** As a header can carry it: anything else would come back in an error's text. */
const keyOf = (key: string | undefined): string | null => {
  if (key === undefined) return null
  if (!/^[\x21-\x7e]+$/.test(key))
    throw usage('MNEMESH_EMBEDDER_KEY holds a space, a line break or another sign that no key has: set it again')
  return key
}
