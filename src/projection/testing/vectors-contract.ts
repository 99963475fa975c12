/** What vectors beside the rows must do, whatever the database: one suite for PGlite and Postgres. */
import { beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../../crdt/limits.ts'
import { hashedVector } from '../../embedding/hashing.test-support.ts'
import type { Unembedded, VectorSpace } from '../../ports/embedding.ts'
import type { MemoryRow, RecallQuery } from '../../ports/projection.ts'
import type { Engine } from '../engine.ts'
import type { Sql } from '../sql.ts'
import { empty } from './empty.ts'
import { at, batch, id, memory, NOW, ns } from './rows.ts'

const DIM = 64
const SPACE: VectorSpace = { embedder: 'hashing:trigrams', version: '1', dim: DIM }

/** @param target the database under test, open; read when a test runs. */
export const vectorsContract = (target: () => { readonly engine: Engine; readonly sql: Sql }): void => {
  describe('vectors', () => {
    let arrival = 0
    const engine = (): Engine => target().engine
    const put = (...memories: readonly MemoryRow[]): Promise<void> => engine().apply(batch(++arrival, { memories }))
    const next = async (limit = 100, space = SPACE): Promise<Unembedded> => {
      const found = await engine().unembedded(space, '{}', limit)
      if (found === null) throw new Error('the database holds no vectors')
      return found
    }
    /** Embeds until nothing waits. Answers the ids in the order in which they came. */
    const embedAll = async (space = SPACE): Promise<readonly string[]> => {
      const ids: string[] = []
      for (;;) {
        const { texts } = await next(100, space)
        if (texts.length === 0) return ids
        ids.push(...texts.map((text) => text.id))
        await engine().embed(
          space,
          texts.map((text) => ({ ...text, vector: hashedVector(text.text, space.dim, space.version) })),
        )
      }
    }
    const asked = (
      q: string,
      more: Partial<RecallQuery> = {},
      space = SPACE,
    ): Promise<{ mode: string; ids: readonly string[] }> =>
      engine()
        .recall({ q, limit: 10, vector: hashedVector(q, space.dim, space.version), space, ...more }, NOW)
        .then(({ mode, memories }) => ({ mode, ids: memories.map((row) => row.id) }))
    const stored = (): Promise<readonly { readonly memory: string; readonly generation: number }[]> =>
      target().sql.transaction((query) =>
        query(
          'select memories.id::text as memory, generation::float8 as generation from embeddings join memories on no = memory order by memories.id, generation',
        ),
      )

    beforeEach(async () => {
      arrival = 0
      await empty(target().sql)
    })

    it('find what words cannot, and lose nothing that words found', async () => {
      await put(
        memory(1, { content: 'internationalisation of the checkout' }),
        memory(2, { content: 'the cat sleeps' }),
        memory(3, { title: 'Checkout', content: 'fails at night' }),
      )
      expect((await asked('internationalise')).mode).toBe('lexical')
      await embedAll()
      const { mode, ids } = await asked('checkouts localinternationalising')
      expect([mode, ids[0]]).toEqual(['hybrid', id(1)])
      expect(ids).toContain(id(3))
      expect((await engine().recall({ q: 'checkouts', limit: 10 }, NOW)).mode).toBe('lexical')
    })

    it('are asked for newest first, of visible texts only, and again when a text has changed', async () => {
      await put(
        memory(1, { created_at: at(1) }),
        memory(2, { created_at: at(2) }),
        memory(3, { forgotten: true }),
        memory(4, { content: null }),
        memory(5, { created_at: at(0), title: 'title', content: '' }),
      )
      expect((await next(2)).texts).toEqual([
        { id: id(2), text: 'text of 2' },
        { id: id(1), text: 'text of 1' },
      ])
      expect(await embedAll()).toEqual([id(2), id(1), id(5)])
      expect(await next()).toMatchObject({ texts: [], waiting: 0, embedded: 3, serving: SPACE })
      await put(memory(1, { created_at: at(1), priority: 9 }), memory(2, { created_at: at(2), content: 'another' }))
      expect((await stored()).map((row) => row.memory)).toEqual([id(1), id(5)].sort())
      expect(await next()).toMatchObject({ texts: [{ id: id(2), text: 'another' }], waiting: 1, embedded: 2 })
    })

    it('vanish with what they are of, in the same batch, and come back when it does', async () => {
      await put(memory(1), memory(2), memory(3))
      await embedAll()
      await put(memory(1, { erased: true, content: null }), memory(2, { forgotten: true }))
      expect((await stored()).map((row) => row.memory)).toEqual([id(3)])
      expect((await asked('text of 1')).ids).toEqual([id(3)])
      expect(await next()).toMatchObject({ waiting: 0, embedded: 1 })
      await put(memory(2))
      expect(await embedAll()).toEqual([id(2)])
    })

    it('are not kept when the text changed or went while it was being embedded', async () => {
      await put(memory(1), memory(2), memory(3))
      const { texts } = await next()
      await put(memory(1, { content: 'another' }), memory(2, { erased: true, content: null }))
      await engine().embed(
        SPACE,
        texts.map((text) => ({ ...text, vector: hashedVector(text.text, DIM) })),
      )
      expect((await stored()).map((row) => row.memory)).toEqual([id(3)])
      expect(await embedAll()).toEqual([id(1)])
    })

    it('are given up for a text that the embedder will never take, until it changes', async () => {
      await put(memory(1), memory(2))
      const { texts } = await next()
      await engine().embed(
        SPACE,
        texts.map((text) => ({ ...text, vector: text.id === id(1) ? null : hashedVector(text.text, DIM) })),
      )
      expect(await next()).toMatchObject({ texts: [], waiting: 0, embedded: 1 })
      await put(memory(1, { content: 'another' }))
      expect(await embedAll()).toEqual([id(1)])
    })

    it('of an older embedder serve until all of the new are there; then they go', async () => {
      const rows = Array.from({ length: 30 }, (_, i) => memory(i, { content: `subject ${i}` }))
      await put(...rows)
      await embedAll()
      const other: VectorSpace = { ...SPACE, version: '2', dim: 48 }
      const { texts, serving, waiting } = await next(20, other)
      expect([texts.length, waiting, serving]).toEqual([20, 30, { ...SPACE, origin: '{}' }])
      await engine().embed(
        other,
        texts.map((text) => ({ ...text, vector: hashedVector(text.text, 48, '2') })),
      )
      await put(memory(0, { content: 'changed meanwhile' }))
      expect((await asked('subject 7')).mode).toBe('hybrid')
      expect((await asked('subject 7', {}, other)).mode).toBe('lexical')
      await embedAll(other)
      expect((await asked('subject 7')).mode).toBe('lexical')
      expect((await asked('subject 7', {}, other)).mode).toBe('hybrid')
      expect(new Set((await stored()).map((row) => row.generation)).size).toBe(1)
      expect(await next(1, other)).toMatchObject({ embedded: 30, serving: other })
    })

    it('change their mind in the middle of a switch', async () => {
      await put(memory(1), memory(2))
      await embedAll()
      const other: VectorSpace = { ...SPACE, dim: 48 }
      const { texts } = await next(1, other)
      await engine().embed(
        other,
        texts.map((text) => ({ ...text, vector: hashedVector(text.text, 48) })),
      )
      await put(memory(3))
      expect((await next()).texts.map((text) => text.id)).toEqual([id(3)])
      await expect(
        engine().embed(
          other,
          texts.map((text) => ({ ...text, vector: hashedVector(text.text, 48) })),
        ),
      ).rejects.toThrow(/not the wanted ones/)
      await embedAll()
      expect((await asked('text of 3')).mode).toBe('hybrid')
      expect((await stored()).map((row) => row.memory)).toEqual([id(1), id(2), id(3)].sort())
    })

    it('stay where they are over a restart in the middle', async () => {
      await put(...Array.from({ length: 20 }, (_, i) => memory(i)))
      const { texts } = await next(8)
      await engine().embed(
        SPACE,
        texts.map((text) => ({ ...text, vector: hashedVector(text.text, DIM) })),
      )
      await engine().close()
      await engine().open()
      expect(await next(1)).toMatchObject({ waiting: 12, embedded: 8 })
      expect(await embedAll()).toHaveLength(12)
    })

    it('refuse what is no vector of theirs, and say why', async () => {
      await put(memory(1))
      await embedAll()
      for (const vector of [[], [1], Array.from({ length: DIM }, () => Number.NaN)])
        expect((await asked('text', { vector })).mode).toBe('lexical')
      await expect(next(1, { ...SPACE, dim: limits.embedding_dim_max + 1 })).rejects.toThrow(/1 to 2000 numbers/)
      await expect(next(1, { ...SPACE, dim: 0.5 })).rejects.toThrow(/numbers/)
    })

    it('are in no digest', async () => {
      await put(memory(1))
      const before = await engine().digest()
      await embedAll()
      expect(await engine().digest()).toEqual(before)
    })

    it('fill a page under a filter that keeps one in a hundred, by comparing all and by the index', async () => {
      await put(
        ...Array.from({ length: 1_000 }, (_, i) =>
          memory(i, { content: `subject ${i}`, namespace: ns(i % 100 === 0 ? 'few' : 'many') }),
        ),
      )
      await next(1)
      await target().sql.transaction(async (query) => {
        const [row] = await query<{ schema: string; generation: number }>(
          "select quote_ident(nspname) as schema, (select id::float8 from embedders) as generation from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'vector'",
        )
        await query(
          `insert into embeddings select no, ${row!.generation}, 'x', (select array_agg(sin(no * place)) from generate_series(1, ${DIM}) as place)::real[]::${row!.schema}.vector from memories`,
        )
        await query('delete from unembedded')
      })
      const vector = Array.from({ length: DIM }, (_, i) => Math.cos(i))
      const found = async (
        count: number,
        filter: Partial<RecallQuery> = { namespace: ns('few') },
      ): Promise<readonly string[]> => {
        await target().sql.transaction((query) => query('update embedders set vectors = $1::bigint', [count]))
        return (await asked('', { vector, ...filter })).ids
      }
      const exact = await found(1_000)
      expect(exact).toHaveLength(10)
      // As if there were more than are compared one by one: the index answers, but of a filter that keeps few.
      const many = limits.embedding_exact_rows_max + 1
      expect(new Set(await found(many))).toEqual(new Set(exact))
      expect(await found(many, { kinds: ['nothing'] })).toEqual([])
      const [all, indexed] = [await found(1_000, {}), await found(many, {})]
      expect(indexed).toHaveLength(10)
      expect(indexed.filter((one) => all.includes(one)).length).toBeGreaterThanOrEqual(9)
    })
  })
}
