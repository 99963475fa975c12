/** A second generation of rows, made beside the first: what readers see meanwhile, whatever crashes, and what is kept. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { LogPlace, ProjectionBatch, Reflects } from '../../ports/projection.ts'
import { createEngine, type Engine } from '../engine.ts'
import type { Sql } from '../sql.ts'
import { batch, cursor, EPOCH, frontier, id, memory, NOW } from './rows.ts'

const LOG: LogPlace = { epoch: EPOCH, arrival: 1_000, revision: 0 }
const SPACE = { embedder: 'test:e', version: '1', dim: 3 }

export const generationsContract = (engine: () => Engine, sql: () => Sql, clear: () => Promise<void>): void => {
  /** Arrival n of the log writes memory n mod 5, so that every arrival shows. */
  const arrived = (n: number): ProjectionBatch => ({
    ...batch(n, { memories: [memory(n % 5, { content: `harbour ${n}`, tags: ['t'] })] }),
    after: n - 1,
  })
  const shownAt = (n: number): readonly string[] =>
    Array.from({ length: Math.min(5, n) }, (_, i) => `harbour ${n - i}`).sort()
  const seen = async (
    by: Engine = engine(),
  ): Promise<{ readonly list: readonly unknown[]; readonly recall: readonly unknown[]; readonly at: number }> => {
    const [list, recall] = await Promise.all([
      by.list({}, { limit: 9, now: NOW }, 'full'),
      by.recall({ q: 'harbour', limit: 9, tags: ['t'] }, NOW, 'full'),
    ])
    const placeOf = ({ at, frontier: shown }: Reflects): number => {
      const n = at?.arrival ?? 0
      expect(shown).toEqual(n === 0 ? {} : frontier(n))
      return n
    }
    const [listed, recalled] = [placeOf(list), placeOf(recall)]
    // Each is whole by its own frontier.
    expect(list.rows.map(({ content }) => `${content}`).sort()).toEqual(shownAt(listed))
    expect(recall.memories.map(({ content }) => `${content}`).sort()).toEqual(shownAt(recalled))
    return { list: list.rows, recall: recall.memories, at: Math.min(listed, recalled) }
  }
  const schemas = async (): Promise<number> =>
    (
      await sql().snapshot((query) =>
        query('select 1 from pg_namespace where nspname = any($1::text[])', [Object.values(sql().schemas)]),
      )
    ).length

  it('no answer is partial or goes back, throughout rebuilds with crashes', async () => {
    const step = fc.constantFrom('grow', 'grow', 'build', 'build', 'build', 'crash', 'take over', 'begin')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 20 }), async (steps) => {
        await clear()
        let [serving, next, least]: [number, number | null, number] = [0, null, 0]
        const begin = async (by: Engine): Promise<void> => void (next = (await by.begin(LOG))?.arrival ?? 0)
        for (const [i, what] of steps.entries()) {
          const reading = seen()
          if (what === 'grow') await engine().apply(arrived(++serving))
          else if (what === 'begin') await begin(engine())
          else if (what === 'crash') {
            // Another process: what it finds is what was committed.
            const other = createEngine(sql())
            expect((await other.open())?.arrival ?? 0).toBe(serving)
            expect(await other.unfinished()).toBe(next !== null)
            if (next !== null) expect((await other.begin(LOG))?.arrival ?? 0).toBe(next)
          } else if (what === 'build') {
            if (next === null) await begin(engine())
            if (next! < serving) await engine().applyNext(arrived(++next!))
          } else if (next !== null) {
            while (next < serving) await engine().applyNext(arrived(++next))
            await engine().takeOver()
            next = null
            expect([await engine().unfinished(), await schemas()]).toEqual([false, 1])
          }
          const { at } = await reading
          expect(at, `step ${i}: ${what}`).toBeGreaterThanOrEqual(least)
          least = at
          expect((await seen()).at).toBe(serving)
          expect((await engine().stats(NOW)).total).toBe(Math.min(5, serving))
        }
        if (next !== null) await engine().begin({ ...LOG, epoch: '77'.repeat(16) })
        await drop()
      }),
      { numRuns: 4 },
    )
  }, 120_000)

  const drop = async (): Promise<void> =>
    void (await sql().transaction((query) => query(`drop schema if exists ${sql().schemas.next} cascade`)))

  it('readers that ask while one generation takes over from the other see one of them, whole', async () => {
    await clear()
    for (let n = 1; n <= 8; n++) await engine().apply(arrived(n))
    await engine().begin(LOG)
    for (let n = 1; n <= 8; n++) await engine().applyNext(arrived(n))
    const readers = Array.from({ length: 20 }, () => seen())
    const taking = engine().takeOver()
    const during = Array.from({ length: 20 }, () => seen())
    await taking
    for (const { at } of await Promise.all([...readers, ...during])) expect(at).toBe(8)
    await clear()
  }, 60_000)

  it('goes on with an unfinished generation of this log, and drops one of another', async () => {
    await clear()
    await engine().apply(arrived(1))
    expect(await engine().begin(LOG)).toBeNull()
    await engine().applyNext(arrived(1))
    expect(await engine().begin(LOG)).toEqual(cursor(1))
    for (const other of [
      { ...LOG, epoch: '77'.repeat(16) },
      { ...LOG, arrival: 0 },
    ]) {
      expect(await engine().begin(other)).toBeNull()
      await engine().applyNext(arrived(1))
    }
    await sql().transaction((query) => query(`update ${sql().schemas.next}.schema_version set version = 1`))
    expect(await engine().begin(LOG)).toBeNull()
    await drop()
    await expect(engine().applyNext(arrived(1))).rejects.toMatchObject({ rebuild: true })
    expect((await seen()).at).toBe(1)
  }, 60_000)

  it('what the first had wrong is gone with it, and vectors of what is unchanged stay', async () => {
    await clear()
    const origin = '{}'
    for (let n = 1; n <= 3; n++) await engine().apply(arrived(n))
    const unembedded = await engine().unembedded(SPACE, origin, 9)
    // A server without pgvector.
    const hasVectors = unembedded !== null
    const waiting = unembedded?.texts ?? []
    expect(waiting).toHaveLength(hasVectors ? 3 : 0)
    await engine().embed(
      SPACE,
      waiting.map((text, i) => ({ ...text, vector: [1, i, 0] })),
    )
    // A row that nothing in the log makes, and a word that no memory has.
    await engine().apply({
      ...batch(4, { memories: [memory('stranger', { content: 'harbour of nowhere' })] }),
      after: 3,
    })
    await sql().transaction((query) => query("update words set memories = 7 where word = 'harbour'"))
    await engine().begin(LOG)
    for (const n of [1, 2, 3]) await engine().applyNext(arrived(n))
    await engine().applyNext({ ...batch(4, { memories: [memory(2, { content: 'harbour changed' })] }), after: 3 })
    await engine().takeOver()
    expect((await engine().list({}, { limit: 9, now: NOW })).rows.map((row) => row.id).sort()).toEqual(
      [id(1), id(2), id(3)].sort(),
    )
    expect(
      await sql().snapshot((query) => query("select memories::float8 as memories from words where word = 'harbour'")),
    ).toEqual([{ memories: 3 }])
    if (hasVectors) {
      const left = await engine().unembedded(SPACE, origin, 9)
      expect([left?.texts.map((text) => text.id), left?.embedded]).toEqual([[id(2)], 2])
      const { memories, mode } = await engine().recall({ q: '', limit: 9, vector: [1, 0, 0], space: SPACE }, NOW)
      expect([mode, new Set(memories.map((row) => row.id)).size]).toEqual(['hybrid', 2])
    }
    // New rows get numbers that nobody has.
    for (const n of [5, 6]) await engine().apply({ ...batch(n, { memories: [memory(`new ${n}`)] }), after: n - 1 })
    expect((await engine().stats(NOW)).total).toBe(5)
    await clear()
  }, 60_000)
}
