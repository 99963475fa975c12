/**
 * A model from a local folder, run by `@huggingface/transformers`: an optional package, since it brings 200 MB of native code. It
 * runs in a thread of its own, because a model computes for tens of milliseconds without a pause. Nothing is fetched from anywhere.
 */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { Worker } from 'node:worker_threads'
import { limits } from '../../crdt/limits.ts'
import { EmbedderFailure, type Embedder, type EmbedderFailureKind } from '../ports/embedding.ts'
import { workerFlags } from '../worker-flags.ts'
import type { After } from './openai.ts'
import { originOf, versionOf, type EmbedderSettings } from './settings.ts'
import { wrongWith } from './vectors.ts'

export type TransformersCall = { readonly id: number; readonly texts: readonly string[] }
export type TransformersSaid =
  | { readonly id: number; readonly vectors: unknown }
  | { readonly id: number; readonly failure: { readonly kind: EmbedderFailureKind; readonly message: string } }
/** `module`: what is imported. `folder`: the model's. */
export type TransformersData = { readonly module: string; readonly folder: string }

type Waiting = {
  readonly resolve: (vectors: unknown) => void
  readonly reject: (failure: EmbedderFailure) => void
  readonly cancel: () => void
}

const PACKAGE = '@huggingface/transformers'

/** Starts nothing yet: the first text does. @param settings `url`: the model's folder, as its makers publish it (config, tokenizer, onnx/). */
export const transformersEmbedder = (
  settings: EmbedderSettings,
  { after, module = PACKAGE }: { readonly after: After; readonly module?: string },
): Embedder => {
  const folder = settings.url
  const name = `the model in ${folder}`
  let dim = settings.dim
  let worker: Worker | null = null
  let closed = false
  let lastId = 0
  const waitingById = new Map<number, Waiting>()

  const settle = (id: number, use: (waiting: Waiting) => void): void => {
    const waiting = waitingById.get(id)
    if (waiting === undefined) return
    waitingById.delete(id)
    waiting.cancel()
    use(waiting)
  }

  const start = (): Worker => {
    if (worker !== null) return worker
    const started = new Worker(workerUrl(), {
      workerData: { module, folder } satisfies TransformersData,
      execArgv: workerFlags(process.execArgv),
    })
    let why = 'its thread ended'
    started.on('message', (said: TransformersSaid) =>
      settle(said.id, ({ resolve, reject }) =>
        'failure' in said
          ? reject(new EmbedderFailure(said.failure.kind, said.failure.message))
          : resolve(said.vectors),
      ),
    )
    started.on('error', (error: Error) => (why = error.message))
    started.once('exit', () => {
      if (worker === started) worker = null
      for (const id of waitingById.keys())
        settle(id, ({ reject }) =>
          reject(new EmbedderFailure('unavailable', `${name} failed: ${why}; it is started again`)),
        )
    })
    return (worker = started)
  }

  const ask = (texts: readonly string[], signal: AbortSignal): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed || signal.aborted) return reject(new EmbedderFailure('unavailable', `${name} is closed`))
      const to = start()
      const id = ++lastId
      const stop = (): void =>
        settle(id, (waiting) => waiting.reject(new EmbedderFailure('unavailable', `${name} was not waited for`)))
      signal.addEventListener('abort', stop)
      const cancelTimer = after(limits.embedding_request_ms_max, () => {
        settle(id, (waiting) =>
          waiting.reject(
            new EmbedderFailure(
              'unavailable',
              `${name} took longer than ${limits.embedding_request_ms_max} ms; it is started again`,
            ),
          ),
        )
        void to.terminate()
      })
      const cancel = (): void => {
        cancelTimer()
        signal.removeEventListener('abort', stop)
      }
      waitingById.set(id, { resolve, reject, cancel })
      to.postMessage({ id, texts } satisfies TransformersCall)
    })

  return {
    id: `transformers:${basename(folder)}`,
    version: versionOf(settings),
    get dim() {
      return dim
    },
    origin: originOf(settings),
    embed: async (texts, kind, signal) => {
      const prefix = kind === 'document' ? settings.document_prefix : settings.query_prefix
      const vectors: (readonly number[])[] = []
      for (let at = 0; at < texts.length; at += limits.embedding_request_texts_max) {
        const part = texts.slice(at, at + limits.embedding_request_texts_max)
        const made = await ask(
          part.map((text) => prefix + text),
          signal,
        )
        if (!Array.isArray(made) || made.length !== part.length)
          throw new EmbedderFailure(
            'unavailable',
            `${name} answered no list of ${part.length} vectors; is it a feature extraction model?`,
          )
        for (const vector of made as readonly unknown[]) {
          dim ??= Array.isArray(vector) ? vector.length : null
          const wrong = wrongWith(vector, dim ?? 0)
          if (wrong !== null)
            throw new EmbedderFailure('unavailable', `${name} answered ${wrong}; check --embedder-dim`)
          vectors.push(vector as readonly number[])
        }
      }
      return vectors
    },
    close: async () => {
      closed = true
      await worker?.terminate()
    },
  }
}

/** Node 20 runs no TypeScript in a worker: from source (tests) the compiled one in `dist` serves, so `npm run build` comes first. */
const workerUrl = (): URL => {
  if (!import.meta.url.endsWith('.ts')) return new URL('./transformers-worker.js', import.meta.url)
  const built = new URL('../../dist/src/embedding/transformers-worker.js', import.meta.url)
  if (!existsSync(built))
    throw new EmbedderFailure('misconfigured', 'the thread that runs models is not compiled; run `npm run build` first')
  return built
}
