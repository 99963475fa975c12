/** What every database under the projection must do: one suite for PGlite and Postgres. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../../crdt/limits.ts'
import {
  BadCursor,
  ProjectionFailure,
  type MemoryFilter,
  type MemoryRow,
  type RecallQuery,
} from '../../ports/projection.ts'
import type { Engine } from '../engine.ts'
import type { Sql } from '../sql.ts'
import { agent, at, batch, cursor, episode, id, link, memory, NOW, ns, reflecting, seeded } from './rows.ts'
import { auditContract } from './audit-contract.ts'
import { chainsContract } from './chains-contract.ts'
import { empty } from './empty.ts'
import { generationsContract } from './generations-contract.ts'
import { graphContract } from './graph-contract.ts'
import { languagesContract } from './languages-contract.ts'
import { longQuestionsContract } from './long-questions-contract.ts'
import { postingsContract } from './postings-contract.ts'
import { removalsContract } from './removals-contract.ts'
import { searchContract } from './search-contract.ts'
import { tallyContract } from './tally-contract.ts'

export type Target = { readonly engine: Engine; readonly sql: Sql }

/** @param target the database under test, open; read when a test runs. */
export const engineContract = (target: () => Target): void => {
  describe('the contract', () => {
    let arrival = 0
    const engine = (): Engine => target().engine
    const put = (...memories: readonly MemoryRow[]): Promise<void> => engine().apply(batch(++arrival, { memories }))
    const listed = async (filter: MemoryFilter = {}, now = NOW): Promise<readonly string[]> =>
      (await engine().list(filter, { limit: 100, now })).rows.map((row) => row.id)
    const recalled = async (q: string, more: Partial<RecallQuery> = {}): Promise<readonly string[]> =>
      (await engine().recall({ q, limit: 10, ...more }, NOW)).memories.map((row) => row.id)

    const clear = async (): Promise<void> => {
      arrival = 0
      await empty(target().sql)
    }
    beforeEach(clear)

    describe('batches', () => {
      it('starts without a cursor, and reopens with the one last applied', async () => {
        expect(await engine().open()).toBeNull()
        await put(memory(1))
        expect(await engine().open()).toEqual(cursor(1))
      })

      it('ignores a batch that is not ahead', async () => {
        await engine().apply(batch(7, { memories: [memory(1, { content: 'new' })] }))
        await engine().apply(batch(7, { memories: [memory(1, { content: 'again' })] }))
        await engine().apply(batch(3, { memories: [memory(1, { content: 'old' }), memory(2)] }))
        const { rows } = await engine().list({}, { limit: 9, now: NOW })
        expect(rows.map((row) => row.content)).toEqual(['new'])
        expect(await engine().open()).toEqual(cursor(7))
      })

      it('refuses a batch that does not follow its rows, and takes it when they are there', async () => {
        await put(memory(1))
        const far = { ...batch(9, { memories: [memory(9)] }), after: 5 }
        await expect(engine().apply(far)).rejects.toMatchObject({
          rebuild: false,
          message: expect.stringMatching(/end at arrival 1.*follows 5/),
        })
        expect([await listed(), await engine().open()]).toEqual([[id(1)], cursor(1)])
        await engine().apply({ ...batch(5, { memories: [memory(5)] }), after: 1 })
        await engine().apply(far)
        expect(await listed()).toHaveLength(3)
      })

      it('asks for a rebuild when the log is another', async () => {
        await put(memory(1))
        await expect(engine().apply(batch(2, { memories: [memory(2)] }, '99'.repeat(16)))).rejects.toMatchObject({
          rebuild: true,
        })
        expect(await listed()).toEqual([id(1)])
      })

      it('applies all of a batch or nothing', async () => {
        await put(memory(1))
        const bad = episode(1, { created_at: at(1) })
        await expect(
          engine().apply(batch(2, { memories: [memory(2)], episodes: [{ ...bad, id: 'not-an-id' as typeof bad.id }] })),
        ).rejects.toBeInstanceOf(ProjectionFailure)
        expect(await listed()).toEqual([id(1)])
        expect(await engine().open()).toEqual(cursor(1))
        await engine().apply(batch(2, { memories: [memory(2)] }))
        expect(await listed()).toHaveLength(2)
      })

      it('notices at opening that memories are gone', async () => {
        await put(memory(1), memory(2))
        await target().sql.transaction((query) => query('delete from memories where id = $1::uuid', [id(1)]))
        await expect(engine().open()).rejects.toMatchObject({ rebuild: true })
      })

      it('takes more rows than one statement holds, and the last of rows with one id', async () => {
        const many = Array.from({ length: 2 * limits.projection_statement_rows_max + 1 }, (_, i) => memory(i))
        await put(...many, memory(0, { content: 'the last' }))
        expect((await engine().stats(NOW)).total).toBe(many.length)
        expect(await recalled('last')).toEqual([id(0)])
      })

      it('keeps every field, to the letter', async () => {
        const odd = memory(1, {
          namespace: ns('team/api'),
          title: "Robert'); drop table memories;--",
          content: 'NUL \0, lone \ud800, \u2028, "quoted\\", 🚀 e\u0301',
          kind: 'k\0',
          tier: '%_\\',
          tags: ['a,b', '{c}', '"d"', 'NULL', '\\', '\0', 'é'],
          priority: 10,
          confidence: 0.1,
          source: '',
          scope: 'x',
          run_id: 'r\0',
          occurred_at: '0000-01-01T00:00:00.123456789Z',
          expires_at: '9999-12-31T23:59:59Z',
          metadata: { __proto__x: 1, nested: { list: [1e300, null, '\0'] } },
          agent_id: agent("ai:o'hara"),
          created_at: at(5),
          updated_at: at(6),
          version: 'v',
          conflicts: 2,
        })
        await put(odd)
        const { rows } = await engine().list(
          { kinds: ['k\0'], tier: '%_\\', run_id: 'r\0', tags: ['NULL', '\0'] },
          { limit: 1, now: NOW },
        )
        expect(rows).toEqual([{ ...odd, tags: [...odd.tags].sort() }])
      })

      it('takes any text there is', async () => {
        const text = fc.string({
          unit: fc.oneof(
            fc.string({ unit: 'binary', maxLength: 3 }),
            fc.constantFrom("'", '\\', ':', '\0', '\ud800', 'ﷺ', 'İ', '猫'),
          ),
          maxLength: 40,
        })
        await fc.assert(
          fc.asyncProperty(text, text, fc.array(text, { maxLength: 4 }), async (content, title, tags) => {
            await put(memory('any', { content, title, tags, kind: title, run_id: content }))
            const { rows } = await engine().list({}, { limit: 1, now: NOW })
            expect([rows[0]?.content, rows[0]?.title]).toEqual([content, title])
            await engine().recall({ q: content + title, limit: 3, tags }, NOW)
          }),
          { numRuns: 60 },
        )
      })

      it('takes the largest text there is', async () => {
        const words = Array.from({ length: 9_000 }, (_, i) => i.toString(36).padStart(6, 'z')).join(' ')
        await put(
          memory(1, {
            content: words.slice(0, limits.content_bytes_max),
            tags: Array.from({ length: 3_000 }, (_, i) => `${i}`.padStart(128, 'tag')),
          }),
          memory(2, { content: '猫犬'.repeat(limits.content_bytes_max / 6) }),
          memory(3, { content: 'ﷺ'.repeat(limits.content_bytes_max / 3) }),
          memory(4, { content: 'a.'.repeat(limits.content_bytes_max / 2) }),
        )
        expect(await listed()).toHaveLength(4)
        expect(await recalled('犬猫')).toEqual([id(2)])
      })
    })

    describe('rows that go', () => {
      removalsContract(engine, () => target().sql, clear)
      chainsContract(engine, clear)
    })

    describe('two generations', () => {
      generationsContract(engine, () => target().sql, clear)
    })

    describe('lists', () => {
      it('pages through all, newest first, equal times too, while rows are written', async () => {
        const first = Array.from({ length: 25 }, (_, i) => memory(i, { created_at: at(Math.floor(i / 10)) }))
        await put(...first)
        const seen: MemoryRow[] = []
        let next: string | undefined
        do {
          const page: Awaited<ReturnType<Engine['list']>> = await engine().list(
            {},
            { limit: 4, now: NOW, ...(next === undefined ? {} : { cursor: next }) },
          )
          seen.push(...page.rows)
          next = page.next_cursor ?? undefined
          await put(
            memory(`newer ${arrival}`, { created_at: at(100) }),
            memory(0, { created_at: at(0), content: `changed ${arrival}` }),
          )
        } while (next !== undefined)
        const order = [...first].sort((a, b) =>
          a.created_at === b.created_at ? (a.id < b.id ? 1 : -1) : a.created_at < b.created_at ? 1 : -1,
        )
        expect(seen.map((row) => row.id)).toEqual(order.map((row) => row.id))
      })

      it('says that there is no more only at the end', async () => {
        await put(memory(1), memory(2))
        expect((await engine().list({}, { limit: 2, now: NOW })).next_cursor).toBeNull()
        expect((await engine().list({}, { limit: 1, now: NOW })).next_cursor).not.toBeNull()
        expect((await engine().list({}, { limit: -1, now: NOW })).rows).toHaveLength(1)
        expect((await engine().list({}, { limit: 1e9, now: NOW })).rows).toHaveLength(2)
      })

      it('refuses a cursor of another list, or of nobody', async () => {
        await put(memory(1), memory(2))
        const { next_cursor } = await engine().list({ kinds: ['fact', 'note'] }, { limit: 1, now: NOW })
        const again = (filter: MemoryFilter, given: string): Promise<unknown> =>
          engine().list(filter, { limit: 1, now: NOW, cursor: given })
        await expect(again({ kinds: ['note', 'fact'] }, next_cursor!)).resolves.toMatchObject({ next_cursor: null })
        await expect(again({}, next_cursor!)).rejects.toBeInstanceOf(BadCursor)
        for (const given of ['', 'x', "';--", 'A'.repeat(5_000), `${next_cursor!}A`.slice(3)])
          await expect(again({ kinds: ['fact', 'note'] }, given)).rejects.toBeInstanceOf(BadCursor)
      })

      it('filters by every field', async () => {
        await put(
          memory(1, {
            namespace: ns('a'),
            kind: 'fact',
            tier: 'long',
            tags: ['x', 'y'],
            agent_id: agent('ai:a'),
            run_id: 'r1',
            created_at: at(1),
          }),
          memory(2, {
            namespace: ns('b'),
            kind: 'note',
            tier: 'mid',
            tags: ['x'],
            agent_id: agent('ai:b'),
            run_id: 'r2',
            created_at: at(2),
          }),
        )
        const cases: readonly (readonly [MemoryFilter, readonly number[]])[] = [
          [{}, [2, 1]],
          [{ namespace: ns('a') }, [1]],
          [{ kinds: ['note', 'other'] }, [2]],
          [{ kinds: [] }, [2, 1]],
          [{ tier: 'long' }, [1]],
          [{ tags: ['x'] }, [2, 1]],
          [{ tags: ['x', 'y'] }, [1]],
          [{ agent_id: agent('ai:b') }, [2]],
          [{ run_id: 'r1' }, [1]],
          [{ since: at(2) }, [2]],
          [{ until: at(2) }, [1]],
          [{ since: at(1), until: at(1) }, []],
          [{ namespace: ns("a' or '1'='1") }, []],
          [{ tags: ["'}", 'x'] }, []],
        ]
        for (const [filter, expected] of cases) {
          expect([filter, await listed(filter)]).toEqual([filter, expected.map(id)])
          expect([filter, [...(await recalled('text', filter))].sort()]).toEqual([filter, expected.map(id).sort()])
        }
      })

      it('goes by when something happened, and by when it was stored where that is asked for', async () => {
        await put(
          memory(1, { created_at: at(1), occurred_at: at(9) }),
          memory(2, { created_at: at(2) }),
          memory(3, { created_at: at(3), occurred_at: at(0) }),
        )
        const cases: readonly (readonly [MemoryFilter, readonly number[]])[] = [
          [{}, [1, 2, 3]],
          [{ since: at(2) }, [1, 2]],
          [{ until: at(2) }, [3]],
          [{ stored_since: at(2) }, [2, 3]],
          [{ stored_until: at(2) }, [1]],
          [{ since: at(2), stored_since: at(2) }, [2]],
        ]
        for (const [filter, expected] of cases) {
          expect([filter, await listed(filter)]).toEqual([filter, expected.map(id)])
          expect([filter, [...(await recalled('text', filter))].sort()]).toEqual([filter, expected.map(id).sort()])
        }
      })

      it('hides what is forgotten, erased or expired', async () => {
        await put(
          memory(1),
          memory(2, { forgotten: true }),
          memory(3, { erased: true, content: null }),
          memory(4, { expires_at: at(10) }),
        )
        expect([...(await listed({}, at(9)))].sort()).toEqual([id(1), id(4)].sort())
        expect(await listed({}, at(10))).toEqual([id(1)])
        expect(await recalled('text')).toEqual([id(1)])
        expect((await engine().stats(NOW)).total).toBe(1)
        await put(memory(2))
        expect([...(await recalled('text'))].sort()).toEqual([id(1), id(2)].sort())
      })

      it('answers links of either end, without removed ones', async () => {
        const [a, b, c] = [id('a'), id('b'), id('c')]
        await engine().apply(
          batch(1, {
            links: [
              link(1, a, b),
              link(2, c, a, { created_at: at(1) }),
              link(3, a, c, { removed: true }),
              link(4, b, c),
            ],
          }),
        )
        expect(await engine().links(a)).toEqual([link(1, a, b), link(2, c, a, { created_at: at(1) })])
      })

      it('answers episodes newest first', async () => {
        const mine = Array.from({ length: 4 }, (_, i) =>
          episode(i, { created_at: at(i), event_type: i % 2 === 0 ? 'said' : 'heard', body: { i } }),
        )
        await engine().apply(batch(1, { episodes: [...mine, episode('other', { agent_id: agent('ai:bob') })] }))
        const alice = agent('ai:alice')
        expect(await engine().episodes({ agent_id: alice, limit: 3 })).toEqual({
          rows: [mine[3], mine[2], mine[1]],
          ...reflecting(1),
        })
        expect((await engine().episodes({ agent_id: alice, event_type: 'said', since: at(2), limit: 9 })).rows).toEqual(
          [mine[2]],
        )
      })

      it('counts', async () => {
        await engine().apply(
          batch(1, {
            memories: [
              memory(1, { namespace: ns('b'), updated_at: at(3) }),
              memory(2, { namespace: ns('b'), kind: 'note', updated_at: at(9) }),
              memory(3, { namespace: ns('a'), tier: '__proto__' }),
            ],
            links: [link(1, id(1), id(2)), link(2, id(1), id(3), { removed: true })],
            episodes: [episode(1)],
          }),
        )
        expect(await engine().namespaces(NOW)).toEqual({
          rows: [
            { namespace: 'a', memories: 1, updated_at: at(0) },
            { namespace: 'b', memories: 2, updated_at: at(9) },
          ],
          ...reflecting(1),
        })
        const stats = await engine().stats(NOW)
        expect(stats).toMatchObject({
          total: 3,
          ...reflecting(1),
          by_namespace: { a: 1, b: 2 },
          by_kind: { fact: 2, note: 1 },
          links: 1,
          episodes: 1,
        })
        expect(Object.entries(stats.by_tier)).toEqual([
          ['__proto__', 1],
          ['mid', 2],
        ])
      })
    })

    describe('the digest', () => {
      const rows = Array.from({ length: 40 }, (_, i) => memory(i, { content: `text ${i}`, tags: ['x', 'y'] }))

      it('is the same for the same rows, whatever the history', async () => {
        const random = seeded(7)
        const digests = new Set<string>()
        for (let round = 0; round < 3; round++) {
          await clear()
          arrival = 10 * round
          const shuffled = rows
            .map((row) => ({ row, key: random() }))
            .sort((a, b) => a.key - b.key)
            .map(({ row }) => row)
          for (let i = 0; i < shuffled.length; i += 7)
            await put(...shuffled.slice(i, i + 7).map((row) => ({ ...row, content: 'an earlier text' })))
          await engine().apply(
            batch(++arrival, {
              memories: shuffled.map((row) => ({ ...row, tags: [...row.tags].reverse() })),
              links: [link(1, id(1), id(2))],
              episodes: [episode(1)],
            }),
          )
          digests.add((await engine().digest()).all)
        }
        expect(digests.size).toBe(1)
        expect([...digests][0]).toMatch(/^[0-9a-f]{64}$/)
      })

      it('changes with every field of every kind of row', async () => {
        const full = {
          memories: [memory(1, { metadata: { a: 1 } })],
          links: [link(1, id(1), id(2))],
          episodes: [episode(1)],
        }
        await engine().apply(batch(++arrival, full))
        const digests = new Set([(await engine().digest()).all])
        const changes = [
          { memories: [memory(1, { metadata: { a: 2 } })] },
          { memories: [memory(1, { forgotten: true })] },
          { memories: [memory(2)] },
          { links: [link(1, id(1), id(2), { removed: true })] },
          { episodes: [episode(2)] },
        ]
        for (const change of changes) {
          await engine().apply(batch(++arrival, change))
          digests.add((await engine().digest()).all)
        }
        expect(digests.size).toBe(changes.length + 1)
      })
    })

    it('destroys erased texts in the files once, and remembers to', async () => {
      await put(memory(1), memory(2))
      expect(await engine().tidy()).toBe(false)
      await put(memory(1, { erased: true, content: null }))
      expect(await engine().tidy()).toBe(true)
      expect(await engine().tidy()).toBe(false)
      await put(memory(1, { erased: true, content: null, version: '2' }))
      expect(await engine().tidy()).toBe(false)
      expect(await listed()).toEqual([id(2)])
    })

    graphContract(engine, clear)
    searchContract(engine, put, recalled)
    longQuestionsContract(engine, put, recalled, clear)
    languagesContract(() => target().sql, put, recalled)
    postingsContract(() => target().sql, put, clear)
    auditContract(
      () => target().sql,
      (rows) => engine().apply(batch(++arrival, rows)),
    )
    tallyContract(
      () => target().sql,
      engine,
      (rows) => engine().apply(batch(++arrival, rows)),
      clear,
    )
  })
}
