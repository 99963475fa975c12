/** The embedder's options and their environment variables. */
import { describe, expect, it } from 'vitest'
import { embedderChoice } from './embedder.ts'

describe('the embedder', () => {
  it('is none unless one is asked for', () => {
    expect(embedderChoice({}, {})).toBeNull()
    expect(embedderChoice({ embedder: 'none' }, { MNEMESH_EMBEDDER: 'openai' })).toBeNull()
    expect(embedderChoice({}, { MNEMESH_EMBEDDER: '' })).toBeNull()
  })

  it('comes from options before the environment, its key from the environment alone', () => {
    const env = {
      MNEMESH_EMBEDDER: 'openai',
      MNEMESH_EMBEDDER_MODEL: 'a',
      MNEMESH_EMBEDDER_URL: 'http://10.0.0.1/v1',
      MNEMESH_EMBEDDER_DIM: '256',
      MNEMESH_EMBEDDER_KEY: 'k',
      MNEMESH_EMBEDDER_DOCUMENT_PREFIX: 'd: ',
      MNEMESH_EMBEDDER_QUERY_PREFIX: 'q: ',
    }
    expect(embedderChoice({}, env)).toEqual({
      settings: {
        kind: 'openai',
        model: 'a',
        url: 'http://10.0.0.1/v1',
        dim: 256,
        document_prefix: 'd: ',
        query_prefix: 'q: ',
      },
      key: 'k',
    })
    expect(
      embedderChoice(
        {
          embedderModel: 'b',
          embedderUrl: 'https://x/v1',
          embedderDim: 8,
          embedderDocumentPrefix: '',
          embedderQueryPrefix: 'r: ',
        },
        env,
      ),
    ).toMatchObject({ settings: { model: 'b', url: 'https://x/v1', dim: 8, document_prefix: '', query_prefix: 'r: ' } })
    expect(embedderChoice({ embedder: 'openai', embedderModel: 'm' }, {})).toEqual({
      settings: {
        kind: 'openai',
        model: 'm',
        url: 'http://127.0.0.1:11434/v1',
        dim: null,
        document_prefix: '',
        query_prefix: '',
      },
      key: null,
    })
    expect(embedderChoice({ embedder: 'transformers', embedderModel: './models/tiny' }, env)).toMatchObject({
      settings: { kind: 'transformers', url: './models/tiny', model: '' },
      key: null,
    })
  })

  it('is refused in one line when it cannot be right', () => {
    expect(() => embedderChoice({}, { MNEMESH_EMBEDDER: 'magic' })).toThrow(/MNEMESH_EMBEDDER is 'magic'/)
    expect(() => embedderChoice({ embedder: 'openai' }, {})).toThrow(/--embedder-model/)
    for (const url of ['localhost:11434', 'ftp://x', ''])
      expect(() => embedderChoice({ embedder: 'openai', embedderModel: 'm', embedderUrl: url }, {})).toThrow(
        /--embedder-url/,
      )
    for (const url of [
      'https://me:sesame@host/v1',
      'https://sesame@host/v1',
      'https://host/v1?key=sesame',
      'https://host/v1#sesame',
      'me:sesame@host/v1',
      'http://me:sesame@',
    ]) {
      const told = [
        () => embedderChoice({ embedder: 'openai', embedderModel: 'm', embedderUrl: url }, {}),
        () => embedderChoice({ embedder: 'openai', embedderModel: 'm' }, { MNEMESH_EMBEDDER_URL: url }),
      ]
      for (const choose of told)
        expect(choose).toThrow(
          expect.objectContaining({
            exit: 2,
            message: expect.stringMatching(/^(?!.*sesame).*--embedder-url.*MNEMESH_EMBEDDER_KEY.*$/) as string,
          }) as Error,
        )
    }
    for (const key of ['ses ame', 'sesame\n', 'sésame'])
      expect(() =>
        embedderChoice({}, { MNEMESH_EMBEDDER: 'openai', MNEMESH_EMBEDDER_MODEL: 'm', MNEMESH_EMBEDDER_KEY: key }),
      ).toThrow(/^MNEMESH_EMBEDDER_KEY holds a space(?!.*s.same)/)
    for (const dim of ['0', '2001', '1.5', 'x'])
      expect(() => embedderChoice({ embedder: 'openai', embedderModel: 'm' }, { MNEMESH_EMBEDDER_DIM: dim })).toThrow(
        /MNEMESH_EMBEDDER_DIM/,
      )
  })
})
