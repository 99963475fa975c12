/** The thread that runs models, with small packages that play the real one (`npm run build` first: it runs from `dist`). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import type { Embedder } from '../ports/embedding.ts'
import { hastyTimers, realAfter } from './endpoint.test-support.ts'
import { transformersEmbedder } from './transformers.ts'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-transformers-'))
const never = new AbortController().signal
let open: Embedder[] = []
afterEach(async () => {
  for (const embedder of open.splice(0)) await embedder.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let packages = 0
/** @param body of the extraction: gets `texts` and `env`, answers vectors. */
const playing = (
  body: string,
  { dim = null as number | null, pipeline = 'extract', after = realAfter } = {},
): Embedder => {
  const file = join(folder, `package-${++packages}.mjs`)
  writeFileSync(
    file,
    `
    export const env = { allowRemoteModels: true, localModelPath: '' }
    const extract = async (texts, options) => ({ tolist: () => { if (options.pooling !== 'mean' || options.normalize !== true) throw new Error('options'); ${body} } })
    export const pipeline = async (task, model) => ${pipeline}`,
  )
  const made = transformersEmbedder(
    {
      kind: 'transformers',
      url: join(folder, 'models', 'tiny'),
      model: '',
      dim,
      document_prefix: 'passage: ',
      query_prefix: 'query: ',
    },
    { after, module: pathToFileURL(file).href },
  )
  open = [...open, made]
  return made
}

it('embeds with prefixes, from the local folder alone, many texts in parts', async () => {
  const embedder = playing(
    "return texts.map((text) => [text.length, texts.length, env.allowRemoteModels ? 1 : 2, env.localModelPath.endsWith('models') ? 3 : 4])",
  )
  expect([embedder.id, embedder.dim]).toEqual(['transformers:tiny', null])
  const texts = Array.from({ length: limits.embedding_request_texts_max + 1 }, () => 'abc')
  const vectors = await embedder.embed(texts, 'document', never)
  expect(vectors).toHaveLength(texts.length)
  expect([vectors[0], vectors.at(-1)]).toEqual([
    [12, limits.embedding_request_texts_max, 2, 3],
    [12, 1, 2, 3],
  ])
  expect(await embedder.embed(['abc'], 'query', never)).toEqual([[10, 1, 2, 3]])
  expect(embedder.dim).toBe(4)
})

it('computes beside the main thread', async () => {
  const embedder = playing('const until = Date.now() + 300; while (Date.now() < until); return texts.map(() => [1])')
  let beats = 0
  const pulse = setInterval(() => beats++, 5)
  await embedder.embed(['a'], 'document', never)
  clearInterval(pulse)
  expect(beats).toBeGreaterThan(10)
})

it('says what is missing, in one line', async () => {
  const absent = transformersEmbedder(
    { kind: 'transformers', url: folder, model: '', dim: null, document_prefix: '', query_prefix: '' },
    { after: realAfter, module: 'absent-transformers' },
  )
  open = [...open, absent]
  await expect(absent.embed(['a'], 'document', never)).rejects.toMatchObject({
    kind: 'misconfigured',
    message: 'absent-transformers is not installed: npm install absent-transformers, or take --embedder openai',
  })
  await expect(
    playing('', { pipeline: "{ throw new Error('no such file: onnx/model.onnx\\nat line 3') }" }).embed(
      ['a'],
      'document',
      never,
    ),
  ).rejects.toMatchObject({
    kind: 'misconfigured',
    message: expect.stringMatching(
      /^the model in .*tiny does not load: no such file: onnx\/model.onnx; give its folder/,
    ) as string,
  })
})

it('survives a model that throws, ends its thread, hangs, or answers nonsense', async () => {
  const embedder = playing(
    "const [text] = texts; if (text.includes('throw')) throw new Error('out of memory'); if (text.includes('exit')) process.exit(1); if (text.includes('few')) return []; if (text.includes('NaN')) return [[NaN]]; return [[1]]",
  )
  const answer = (text: string): Promise<unknown> => embedder.embed([text], 'document', never)
  await expect(answer('throw')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/out of memory/) as string,
  })
  await expect(answer('few')).rejects.toThrow(/no list of 1 vectors/)
  await expect(answer('exit')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/started again/) as string,
  })
  expect(await answer('fine')).toEqual([[1]])
  await expect(answer('NaN')).rejects.toThrow(/no number/)
  const hanging = playing('for (;;);', { after: hastyTimers().after })
  await expect(hanging.embed(['a'], 'document', never)).rejects.toThrow(/took longer/)
})

it('is not waited for longer than it is wanted', async () => {
  const embedder = playing('for (;;);')
  const controller = new AbortController()
  const asked = embedder.embed(['a'], 'query', controller.signal)
  controller.abort()
  await expect(asked).rejects.toThrow(/not waited for/)
  await embedder.close()
  await expect(embedder.embed(['a'], 'query', never)).rejects.toThrow(/closed/)
})
