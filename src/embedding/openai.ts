/**
 * Any endpoint that speaks OpenAI's `POST /embeddings`: Ollama, vLLM, OpenAI itself.
 *
 * What comes back is checked before it is believed: count, order, length, every number. A redirect is refused, since the key would
 * travel with it. Every request has a time limit, every answer a size limit, every wait an end.
 *
 * Invariant: no failure's message has anything of a text in it, for health and the log show messages. Endpoints put what they were
 * asked into what they answer, so of an answer only its status and a code that is one plain word are told.
 */
import { limits } from '../../crdt/limits.ts'
import { EmbedderFailure, type Embedder } from '../ports/embedding.ts'
import { originOf, versionOf, type EmbedderSettings } from './settings.ts'
import { readVectors } from './vectors.ts'

/** Runs `run` once after `ms`; the answer cancels it. */
export type After = (ms: number, run: () => void) => () => void

export type OpenAiTools = {
  readonly fetch: typeof globalThis.fetch
  readonly after: After
  /** In [0, 1): spreads retries. */
  readonly random: () => number
  /** Sent as a bearer token; null where none is needed. */
  readonly key: string | null
}

/** Why a request failed, and after how many ms it may be tried again (null: not at all). */
type Failed = { readonly failure: EmbedderFailure; readonly retryMs: number | null }

export const openAiEmbedder = (settings: EmbedderSettings, tools: OpenAiTools): Embedder => {
  const endpoint = `${settings.url.replace(/\/+$/, '')}/embeddings`
  const name = `the embedder at ${new URL(endpoint).host}`
  const closing = new AbortController()
  let dim = settings.dim

  const request = async (
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (readonly number[])[] | Failed> => {
    const late = new AbortController()
    const cancel = tools.after(limits.embedding_request_ms_max, () => late.abort())
    try {
      const response = await tools.fetch(endpoint, {
        method: 'POST',
        redirect: 'manual',
        signal: AbortSignal.any([signal, late.signal]),
        headers: {
          'content-type': 'application/json',
          ...(tools.key === null ? {} : { authorization: `Bearer ${tools.key}` }),
        },
        body: JSON.stringify({
          model: settings.model,
          input: texts,
          encoding_format: 'float',
          ...(settings.dim === null ? {} : { dimensions: settings.dim }),
        }),
      })
      const body = await bodyOf(response)
      if (response.status !== 200) return refusal(response, codeOf(body, texts), name, settings.model)
      if (body === null)
        return failed(
          'unavailable',
          `${name} answered more than ${limits.embedding_answer_bytes_max} bytes; is it an embedding endpoint?`,
        )
      const vectors = readVectors(body, texts.length, dim)
      if (typeof vectors === 'string')
        return failed('unavailable', `${name} answered ${vectors}; check --embedder-model and --embedder-dim`)
      dim ??= vectors[0]?.length ?? null
      return vectors
    } catch (error) {
      if (signal.aborted) return failed('unavailable', `${name} was not waited for`)
      if (late.signal.aborted)
        return failed(
          'unavailable',
          `${name} did not answer within ${limits.embedding_request_ms_max} ms; it is asked again`,
        )
      return failed(
        'unavailable',
        `${name} cannot be reached: ${causeOf(error)}; start it, or mend --embedder-url`,
        limits.embedding_retry_ms_min,
      )
    } finally {
      cancel()
    }
  }

  const persist = async (
    texts: readonly string[],
    tries: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly number[])[]> => {
    for (let tried = 1; ; tried++) {
      const answer = await request(texts, signal)
      if (!('failure' in answer)) return answer
      if (answer.retryMs === null || tried >= tries || signal.aborted) throw answer.failure
      const backoff = limits.embedding_retry_ms_min * 2 ** tried * (0.5 + tools.random())
      await wait(Math.min(limits.embedding_retry_ms_max, Math.max(answer.retryMs, backoff)), signal)
    }
  }

  const wait = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = tools.after(ms, end)
      signal.addEventListener('abort', end)
    })

  return {
    id: `openai:${settings.model}`,
    version: versionOf(settings),
    get dim() {
      return dim
    },
    origin: originOf(settings),
    embed: async (texts, kind, signal) => {
      const either = AbortSignal.any([signal, closing.signal])
      const prefix = kind === 'document' ? settings.document_prefix : settings.query_prefix
      const vectors: (readonly number[])[] = []
      for (const part of requests(texts.map((text) => prefix + text))) {
        for (const vector of await persist(part, kind === 'document' ? limits.embedding_tries_max : 1, either))
          vectors.push(vector)
      }
      return vectors
    },
    close: async () => closing.abort(),
  }
}

const failed = (kind: EmbedderFailure['kind'], message: string, retryMs: number | null = null): Failed => ({
  failure: new EmbedderFailure(kind, message),
  retryMs,
})

/** @param code what the endpoint calls it; null without. */
const refusal = (response: Response, code: string | null, name: string, model: string): Failed => {
  const { status } = response
  const said = code === null ? `${status}` : `${status}, ${code}`
  if (status >= 300 && status < 400)
    return failed(
      'misconfigured',
      `${name} answered a redirect, which is not followed with a key at hand; give the final address with --embedder-url`,
    )
  if (status === 401 || status === 403)
    return failed('misconfigured', `${name} refused the key (${status}); set MNEMESH_EMBEDDER_KEY`)
  if (status === 404)
    return failed(
      'misconfigured',
      `${name} knows no such address or no model ${model} (404); check --embedder-url and --embedder-model`,
    )
  if (status === 429 || status === 408 || status >= 500)
    return failed(
      'unavailable',
      `${name} answered ${said}; it is asked again`,
      retryAfterMs(response.headers.get('retry-after')),
    )
  return failed('refused', `${name} refused the text (${said})`)
}

/** Long enough for `context_length_exceeded`. */
const CODE = /^[a-z_]{1,40}$/

/** The `code` of an error answer, in OpenAI's form or bare; null when it is no plain word, or one of the texts has it. */
const codeOf = (body: string | null, texts: readonly string[]): string | null => {
  const code = fieldOf(fieldOf(parsed(body), 'error'), 'code') ?? fieldOf(parsed(body), 'code')
  if (typeof code !== 'string' || !CODE.test(code)) return null
  return texts.some((text) => text.toLowerCase().includes(code)) ? null : code
}

const parsed = (body: string | null): unknown => {
  try {
    return body === null ? null : JSON.parse(body)
  } catch {
    // Proxies answer in HTML.
    return null
  }
}

const fieldOf = (value: unknown, name: 'error' | 'code'): unknown =>
  typeof value === 'object' && value !== null && name in value
    ? (value as Readonly<Record<string, unknown>>)[name]
    : null

/** A Retry-After in seconds; 0 without one. Dates are not used by these services, and would need a clock. */
const retryAfterMs = (header: string | null): number => {
  if (header === null || !/^\d{1,6}$/.test(header.trim())) return 0
  return Number(header) * 1_000
}

/** The text of an answer, null when it is longer than any honest one. */
const bodyOf = async (response: Response): Promise<string | null> => {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  const stream: ReadableStream<Uint8Array> = response.body
  for await (const chunk of stream) {
    bytes += chunk.length
    // Leaving the loop cancels the rest.
    if (bytes > limits.embedding_answer_bytes_max) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Texts as requests, each within the bounds; a text longer than a request's is one of its own. */
function* requests(texts: readonly string[]): Generator<readonly string[]> {
  let part: string[] = []
  let bytes = 0
  for (const text of texts) {
    const more = Buffer.byteLength(text)
    if (
      part.length > 0 &&
      (part.length >= limits.embedding_request_texts_max || bytes + more > limits.embedding_request_bytes_max)
    ) {
      yield part
      part = []
      bytes = 0
    }
    part.push(text)
    bytes += more
  }
  if (part.length > 0) yield part
}

/** `fetch` hides the cause one level down. */
const causeOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? (cause.message || cause.name).split('\n')[0]! : String(cause)
}
