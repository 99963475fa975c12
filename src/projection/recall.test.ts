/** Recall with vectors given by hand, and on a database that has no trigrams. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RecallQuery } from '../ports/projection.ts'
import { createEngine } from './engine.ts'
import { createLanguages } from './languages.ts'
import { createStems } from './lexemes.ts'
import { openPglite } from './pglite.ts'
import { recall } from './recall.ts'
import type { Sql } from './sql.ts'
import { batch, id, memory, NOW } from './testing/rows.ts'
import type { Nearest } from './vectors.ts'

describe('recall', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-recall-'))
  const sql: Sql = openPglite(folder, () => undefined)
  const near: { readonly id: string; readonly distance: number }[] = [
    { id: id('sense'), distance: 0.1 },
    { id: id('both'), distance: 0.3 },
    { id: id('hidden'), distance: 0.4 },
  ]
  const nearest: Nearest = async () => near
  const space = { embedder: 'by hand', version: '1', dim: 2 }
  const ask = (asked: Partial<RecallQuery>, trigrams: string | null = null) =>
    sql.snapshot((query, beside) =>
      recall(query, beside, { q: 'harbour', limit: 10, space, ...asked }, NOW, undefined, {
        stems: createStems(new Map()),
        languages: createLanguages(),
        trigrams,
        nearest,
      }),
    )

  beforeAll(async () => {
    const engine = createEngine(sql)
    await engine.open()
    await engine.apply(
      batch(1, {
        memories: [
          memory('word', { content: 'the harbour' }),
          memory('both', { content: 'the harbour and its ships' }),
          memory('sense', { content: 'where vessels lie' }),
          memory('hidden', { content: 'harbour', forgotten: true }),
        ],
      }),
    )
  })
  afterAll(async () => {
    await sql.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is lexical without a vector', async () => {
    const { memories, mode } = await ask({})
    expect([mode, ...memories.map((row) => row.id)]).toEqual(['lexical', id('word'), id('both')])
  })

  it('is hybrid with one: what both found leads, what one found is kept, what is hidden stays so', async () => {
    const { memories, mode } = await ask({ vector: [1, 0], explain: true })
    expect(mode).toBe('hybrid')
    expect(memories[0]?.id).toBe(id('both'))
    expect(new Set(memories.map((row) => row.id))).toEqual(new Set([id('both'), id('sense'), id('word')]))
    expect(memories.find((row) => row.id === id('sense'))?.explain).toMatchObject({
      lexical: null,
      vector: { rank: 1, distance: 0.1 },
    })
    expect((await ask({ q: 'the of and', vector: [1, 0] })).memories.map((row) => row.id)).toEqual([
      id('sense'),
      id('both'),
    ])
  })

  it('goes on without trigrams, by the words that are spelt right', async () => {
    expect((await ask({ q: 'harbuor ships' })).memories.map((row) => row.id)).toEqual([id('both')])
    expect((await ask({ q: 'harbuor ships' }, 'public')).memories.map((row) => row.id)).toEqual([
      id('both'),
      id('word'),
    ])
  })
})
