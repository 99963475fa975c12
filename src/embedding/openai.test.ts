/** The client of embedding endpoints against a real one that misbehaves in every way. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { EmbedderFailure } from '../ports/embedding.ts'
import {
  DIM,
  hastyTimers,
  say,
  sayVectors,
  startEndpoint,
  type Endpoint,
  type Misbehaviour,
} from './endpoint.test-support.ts'
import { hashedVector } from './hashing.test-support.ts'
import { openAiEmbedder } from './openai.ts'
import type { EmbedderSettings } from './settings.ts'

let endpoint: Endpoint
beforeEach(async () => {
  endpoint = await startEndpoint()
})
afterEach(() => endpoint.stop())

const never = new AbortController().signal
const request_ms = limits.embedding_request_ms_max

const made = (
  settings: Partial<EmbedderSettings> = {},
  { key = null, late = false }: { readonly key?: string | null; readonly late?: boolean } = {},
) => {
  const timers = hastyTimers((ms) => ms === request_ms && !late)
  const embedder = openAiEmbedder(
    { kind: 'openai', url: endpoint.url, model: 'm', dim: null, document_prefix: '', query_prefix: '', ...settings },
    { fetch, after: timers.after, random: () => 0.5, key },
  )
  return { embedder, backoffs: () => timers.waits.filter((ms) => ms !== request_ms) }
}
const good = hashedVector('x', DIM)

it('asks with model, prefixes, key and dimension, and answers the vectors', async () => {
  const { embedder } = made(
    { document_prefix: 'passage: ', query_prefix: 'query: ', dim: 16, url: `${endpoint.url}/` },
    { key: 'secret' },
  )
  expect(embedder.dim).toBe(16)
  expect(await embedder.embed(['a', 'b'], 'document', never)).toEqual([
    hashedVector('passage: a', 16, 'm'),
    hashedVector('passage: b', 16, 'm'),
  ])
  expect(await embedder.embed(['a'], 'query', never)).toEqual([hashedVector('query: a', 16, 'm')])
  expect(endpoint.requests[0]).toMatchObject({
    input: ['passage: a', 'passage: b'],
    model: 'm',
    dimensions: 16,
    authorization: 'Bearer secret',
    path: '/v1/embeddings',
  })
  expect(embedder.origin).not.toContain('secret')
})

it('learns the dimension from the first answer, sends no key where none is given, and closes', async () => {
  const { embedder } = made()
  expect(embedder.dim).toBeNull()
  expect(await embedder.embed([], 'document', never)).toEqual([])
  await embedder.embed(['a'], 'document', never)
  expect(embedder.dim).toBe(DIM)
  expect(endpoint.requests[0]?.authorization).toBeUndefined()
  await embedder.close()
  await expect(embedder.embed(['a'], 'document', never)).rejects.toThrow(EmbedderFailure)
})

it('bounds a request by texts and by bytes', async () => {
  const { embedder } = made()
  const texts = [
    ...Array.from({ length: limits.embedding_request_texts_max + 1 }, (_, i) => `${i}`),
    ...Array.from({ length: 3 }, () => 'x'.repeat(limits.embedding_request_bytes_max / 2)),
    'y'.repeat(2 * limits.embedding_request_bytes_max),
  ]
  expect(await embedder.embed(texts, 'document', never)).toHaveLength(texts.length)
  expect(endpoint.requests.map(({ input }) => input.length)).toEqual([limits.embedding_request_texts_max, 2, 2, 1])
})

it('takes vectors in the order that they are numbered', async () => {
  const other = hashedVector('y', DIM)
  endpoint.misbehave = (_, response) =>
    say(
      response,
      200,
      JSON.stringify({
        data: [
          { index: 1, embedding: other },
          { index: 0, embedding: good },
        ],
      }),
    )
  expect(await made().embedder.embed(['x', 'y'], 'document', never)).toEqual([good, other])
})

describe('believes no answer that cannot be right', () => {
  const answers: readonly (readonly [name: string, answer: Misbehaviour, why: RegExp])[] = [
    ['junk', (_, response) => say(response, 200, '<html>'), /no JSON/],
    ['no data', (_, response) => say(response, 200, '{"data":{}}'), /without data/],
    ['null', (_, response) => say(response, 200, 'null'), /without data/],
    ['holes', (_, response) => say(response, 200, '{"data":[null,null]}'), /without vectors/],
    ['too few', (_, response) => sayVectors(response, [good]), /1 vectors for 2 texts/],
    ['too many', (_, response) => sayVectors(response, [good, good, good]), /3 vectors for 2 texts/],
    [
      'one place twice',
      (_, response) =>
        say(
          response,
          200,
          JSON.stringify({
            data: [
              { index: 0, embedding: good },
              { index: 0, embedding: good },
            ],
          }),
        ),
      /numbers 0/,
    ],
    [
      'a place that is none',
      (_, response) =>
        say(
          response,
          200,
          JSON.stringify({
            data: [
              { index: 0, embedding: good },
              { index: '__proto__', embedding: good },
            ],
          }),
        ),
      /numbers without numbers/,
    ],
    ['text for a vector', (_, response) => sayVectors(response, [good, 'AAAA']), /no list of numbers/],
    ['uneven vectors', (_, response) => sayVectors(response, [good, good.slice(1)]), /31 numbers where 32/],
    ['NaN', (_, response) => sayVectors(response, [good, good.map(() => Number.NaN)]), /no number/],
    ['more than a float holds', (_, response) => sayVectors(response, [good, good.map(() => 1e300)]), /no number/],
    ['only zeros', (_, response) => sayVectors(response, [good, good.map(() => 0)]), /zeros/],
    ['empty vectors', (_, response) => sayVectors(response, [[], []]), /1 to 2000/],
    ['giants', (_, response) => sayVectors(response, [Array.from({ length: 2_001 }, () => 1), good]), /1 to 2000/],
    ['a flood', (_, response) => say(response, 200, 'x'.repeat(limits.embedding_answer_bytes_max + 1)), /more than/],
  ]
  it.each(answers)('%s', async (_, answer, why) => {
    endpoint.misbehave = answer
    await expect(made().embedder.embed(['x', 'y'], 'document', never)).rejects.toMatchObject({
      constructor: EmbedderFailure,
      kind: 'unavailable',
      message: expect.stringMatching(why) as string,
    })
    expect(endpoint.requests).toHaveLength(1)
  })

  it('a dimension that changed', async () => {
    const { embedder } = made()
    await embedder.embed(['x'], 'document', never)
    endpoint.misbehave = (_, response) => sayVectors(response, [good.slice(1)])
    await expect(embedder.embed(['x'], 'document', never)).rejects.toThrow(/31 numbers where 32/)
  })
})

describe('says what is wrong', () => {
  const refusals: readonly (readonly [status: number, kind: string, why: RegExp])[] = [
    [401, 'misconfigured', /MNEMESH_EMBEDDER_KEY/],
    [403, 'misconfigured', /MNEMESH_EMBEDDER_KEY/],
    [404, 'misconfigured', /--embedder-model/],
    [302, 'misconfigured', /redirect/],
    [400, 'refused', /refused the text/],
    [413, 'refused', /refused the text/],
  ]
  it.each(refusals)('of %d, without trying again', async (status, kind, why) => {
    endpoint.misbehave = (_, response) =>
      say(response, status, 'input\n too long', { location: `${endpoint.url}/elsewhere` })
    await expect(made().embedder.embed(['x'], 'document', never)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(why) as string,
    })
    expect(endpoint.requests).toHaveLength(1)
  })

  const secret = 'sesamesesame'
  const echoes: readonly (readonly [status: number, body: string, end: RegExp])[] = [
    [400, `cannot embed "${secret}"`, /\(400\)$/],
    [422, JSON.stringify({ detail: [{ input: secret }] }), /\(422\)$/],
    [500, secret, /answered 500; /],
    [
      400,
      JSON.stringify({ error: { message: secret, code: 'context_length_exceeded' } }),
      /\(400, context_length_exceeded\)$/,
    ],
    [429, JSON.stringify({ code: 'rate_limited', message: secret }), /answered 429, rate_limited; /],
    [400, JSON.stringify({ error: { code: `${secret} opens` } }), /\(400\)$/],
    [400, JSON.stringify({ error: { code: `a_${'long_'.repeat(20)}${secret}` } }), /\(400\)$/],
    [400, JSON.stringify({ error: { code: [secret] }, code: 400 }), /\(400\)$/],
    [400, JSON.stringify({ error: { code: secret } }), /\(400\)$/],
    [400, 'null', /\(400\)$/],
    [200, JSON.stringify({ data: [{ index: secret, embedding: good }] }), /numbers/],
    [200, JSON.stringify({ data: secret }), /without data/],
  ]
  it.each(echoes)('of %d, without the text that the endpoint echoes: %s', async (status, body, end) => {
    endpoint.misbehave = (_, response) => say(response, status, body)
    const failure: unknown = await made()
      .embedder.embed([secret], 'query', never)
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ constructor: EmbedderFailure, message: expect.stringMatching(end) as string })
    expect(String(failure)).not.toContain(secret)
  })

  it('of an address where nobody is', async () => {
    await endpoint.stop()
    const { embedder, backoffs } = made()
    await expect(embedder.embed(['x'], 'document', never)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/cannot be reached: .*ECONNREFUSED.*--embedder-url/) as string,
    })
    expect(backoffs()).toEqual([500, 1_000])
    endpoint = await startEndpoint()
  })
})

describe('tries again', () => {
  it('after 500 and a cut connection, with growing pauses, and gives up after some', async () => {
    endpoint.misbehave = (_, response) => {
      if (endpoint.requests.length === 1) return say(response, 500, 'oops')
      if (endpoint.requests.length > 2) return false
      response.destroy()
      return true
    }
    const { embedder, backoffs } = made()
    expect(await embedder.embed(['x'], 'document', never)).toHaveLength(1)
    expect(backoffs()).toEqual([500, 1_000])
    endpoint.misbehave = (_, response) => say(response, 503, '')
    endpoint.requests.length = 0
    await expect(embedder.embed(['x'], 'document', never)).rejects.toThrow(/503/)
    expect(endpoint.requests).toHaveLength(limits.embedding_tries_max)
  })

  it.each([
    ['7', 7_000],
    ['999999', limits.embedding_retry_ms_max],
    ['soon', 500],
  ])('after 429, when Retry-After %s says', async (header, ms) => {
    endpoint.misbehave = (_, response) =>
      endpoint.requests.length === 1 && say(response, 429, '', { 'retry-after': header })
    const { embedder, backoffs } = made()
    await embedder.embed(['x'], 'document', never)
    expect(backoffs()).toEqual([ms])
  })

  it('never for a question', async () => {
    endpoint.misbehave = (_, response) => say(response, 500, '')
    await expect(made().embedder.embed(['x'], 'query', never)).rejects.toThrow(/500/)
    expect(endpoint.requests).toHaveLength(1)
  })
})

describe('waits for nobody for ever', () => {
  it('ends a request that hangs, before or within its answer', async () => {
    const hangs: readonly Misbehaviour[] = [() => true, (_, response) => response.writeHead(200).write('{"data":')]
    for (const hang of hangs) {
      endpoint.misbehave = hang
      await expect(made({}, { late: true }).embedder.embed(['x'], 'document', never)).rejects.toThrow(
        /did not answer within/,
      )
    }
  })

  it('ends at once when told to', async () => {
    const controller = new AbortController()
    endpoint.misbehave = () => {
      controller.abort()
      return true
    }
    await expect(made().embedder.embed(['x'], 'document', controller.signal)).rejects.toThrow(/not waited for/)
    await expect(made().embedder.embed(['x'], 'document', controller.signal)).rejects.toThrow(EmbedderFailure)
  })
})
