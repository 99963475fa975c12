/** Which words of a question bring their postings. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from './engine.ts'
import { lookup, newest, type Bounds } from './lookup.ts'
import { openPglite } from './pglite.ts'
import type { Sql } from './sql.ts'
import { batch, memory } from './testing/rows.ts'

describe('looking up words', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-lookup-'))
  const sql: Sql = openPglite(folder, () => undefined)
  const MEMORIES = 60
  /** By word, how many have it. */
  const having = { rare: 1, seldom: 2, often: 40, common: 40, alwai: 58 }

  beforeAll(async () => {
    const engine = createEngine(sql)
    await engine.open()
    await engine.apply(
      batch(1, {
        memories: Array.from({ length: MEMORIES }, (_, n) =>
          memory(`m${n}`, {
            content: `x ${Object.entries(having)
              .flatMap(([word, count]) => (n < count ? [word] : []))
              .join(' ')}`,
          }),
        ),
      }),
    )
  })
  afterAll(async () => {
    await sql.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const bringing = async (words: readonly string[], bounds: Partial<Bounds>): Promise<readonly string[]> => {
    const found = await sql.snapshot((query) =>
      lookup(query, words, undefined, newest(null), { share: 0.7, most: 1_000, least: 0, small: 0, ...bounds }),
    )
    for (const { word, memories, brings, hits } of found) {
      expect([word, memories]).toEqual([word, having[word as keyof typeof having]])
      expect([word, hits?.weighed.length ?? 0, hits?.runs.length ?? 0]).toEqual([
        word,
        brings ? memories : 0,
        brings ? memories : 0,
      ])
    }
    return found
      .filter(({ brings }) => brings)
      .map(({ word }) => word)
      .sort()
  }

  it('takes the rarest until they hold the share of what all are worth', async () => {
    expect(await bringing(['rare', 'seldom', 'often', 'alwai'], {})).toEqual(['rare', 'seldom'])
    expect(await bringing(['rare', 'seldom', 'often', 'alwai'], { share: 1 })).toEqual([
      'alwai',
      'often',
      'rare',
      'seldom',
    ])
  })

  it('takes common words where a question has no others, and one word at least', async () => {
    expect(await bringing(['often', 'common', 'alwai'], {})).toEqual(['common', 'often'])
    expect(await bringing(['alwai'], { share: 0, most: 0 })).toEqual(['alwai'])
    expect(await bringing(['nobody', 'has', 'these'], {})).toEqual([])
  })

  it('takes no more than so many postings, unless there are too few without', async () => {
    expect(await bringing(['rare', 'seldom', 'often'], { share: 1, most: 2 })).toEqual(['rare'])
    expect(await bringing(['rare', 'seldom', 'often'], { share: 1, most: 0, least: 3 })).toEqual(['rare', 'seldom'])
  })

  it('takes all where no more memories are searched than are few', async () => {
    expect(await bringing(['rare', 'seldom', 'often', 'alwai'], { small: MEMORIES })).toEqual([
      'alwai',
      'often',
      'rare',
      'seldom',
    ])
    expect(await bringing(['rare', 'seldom', 'often', 'alwai'], { small: MEMORIES - 1 })).toEqual(['rare', 'seldom'])
  })
})
