/** Runs a model. A worker thread only (`transformers.ts` starts it): one pipeline, texts in, vectors out, one request after another. */
import { basename, dirname, resolve } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import type { TransformersCall, TransformersData, TransformersSaid } from './transformers.ts'

const port = parentPort
if (port === null) throw new Error('embedding/transformers-worker.ts runs as a worker thread only')

/** The little that is used of the package. */
type Extract = (
  texts: readonly string[],
  options: { readonly pooling: 'mean'; readonly normalize: true },
) => Promise<{ tolist(): unknown }>
type Package = {
  readonly env: { allowRemoteModels: boolean; localModelPath: string }
  readonly pipeline: (task: 'feature-extraction', model: string) => Promise<Extract>
}

const { module, folder } = workerData as TransformersData

class Misconfigured extends Error {}

const load = async (): Promise<Extract> => {
  const { env, pipeline } = await (import(module) as Promise<Package>).catch((error: unknown) => {
    const absent = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    throw new Misconfigured(
      absent
        ? `${module} is not installed: npm install ${module}, or take --embedder openai`
        : `${module} does not load: ${messageOf(error)}; install it anew`,
    )
  })
  env.allowRemoteModels = false
  env.localModelPath = dirname(resolve(folder))
  return pipeline('feature-extraction', basename(resolve(folder))).catch((error: unknown) => {
    throw new Misconfigured(
      `the model in ${folder} does not load: ${messageOf(error)}; give its folder with --embedder-model`,
    )
  })
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!

let loading: Promise<Extract> | null = null
let turn: Promise<void> = Promise.resolve()

const answer = async ({ id, texts }: TransformersCall): Promise<TransformersSaid> => {
  try {
    loading ??= load()
    const extract = await loading
    return { id, vectors: (await extract(texts, { pooling: 'mean', normalize: true })).tolist() }
  } catch (error) {
    // A package or model may be there at the next try.
    if (error instanceof Misconfigured) loading = null
    return {
      id,
      failure: {
        kind: error instanceof Misconfigured ? 'misconfigured' : 'unavailable',
        message: error instanceof Misconfigured ? error.message : `the model in ${folder} failed: ${messageOf(error)}`,
      },
    }
  }
}

port.on('message', (call: TransformersCall) => {
  turn = turn.then(async () => port.postMessage(await answer(call)))
})
