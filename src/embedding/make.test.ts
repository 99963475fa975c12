/** Settings that cannot be right are refused before anybody is asked, and without a word of what may be secret in them. */
import { describe, expect, it } from 'vitest'
import { EmbedderFailure } from '../ports/embedding.ts'
import { realAfter } from './endpoint.test-support.ts'
import { makeEmbedder, reviveEmbedder } from './make.ts'
import { originOf, type EmbedderSettings } from './settings.ts'

const tools = {
  fetch: () => Promise.reject(new Error('nobody is to be asked')),
  after: realAfter,
  random: () => 0.5,
  key: null,
}
const at = (url: string): EmbedderSettings => ({
  kind: 'openai',
  url,
  model: 'm',
  dim: null,
  document_prefix: '',
  query_prefix: '',
})

describe('an address', () => {
  it.each(['http://127.0.0.1:11434/v1', 'https://host/v1/', 'https://host/@me'])('like %s is taken', (url) => {
    expect(makeEmbedder(at(url), tools).origin).toContain(url)
  })

  const refused: readonly (readonly [url: string, why: RegExp])[] = [
    ['https://me:sesame@host/v1', /MNEMESH_EMBEDDER_KEY/],
    ['https://sesame@host/v1', /MNEMESH_EMBEDDER_KEY/],
    ['https://:sesame@host/v1', /MNEMESH_EMBEDDER_KEY/],
    ['https://host/v1?key=sesame', /MNEMESH_EMBEDDER_KEY/],
    ['https://host/v1?', /base without/],
    ['https://host/v1#sesame', /base without/],
    ['me:sesame@host/v1', /http:/],
    ['http://me:sesame@', /http:/],
    ['ftp://me:sesame@host', /http:/],
    ['', /http:/],
  ]
  it.each(refused)('like %s is refused, and not repeated', (url, why) => {
    const make = () => makeEmbedder(at(url), tools)
    expect(make).toThrow(EmbedderFailure)
    expect(make).toThrow(why)
    expect(make).toThrow(
      expect.objectContaining({
        kind: 'misconfigured',
        message: expect.not.stringMatching(/sesame|\n/) as string,
      }) as Error,
    )
    expect(reviveEmbedder(originOf(at(url)), at('http://host/v1'), tools)).toBeNull()
  })
})
