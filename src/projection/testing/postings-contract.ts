/** What is kept for search beside the rows: exactly what a rebuild would make, after any history. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { MemoryRow } from '../../ports/projection.ts'
import type { Query, Sql } from '../sql.ts'
import { at, id, memory, ns } from './rows.ts'

/** Everything by names: numbers are a database's own. */
const kept = async (query: Query): Promise<unknown> => ({
  words: await query('select namespace, word, memories from words order by namespace, word collate "C"'),
  spaces: await query('select namespace, memories from spaces order by namespace'),
  postings: await query(
    `select words.namespace, words.word, memories.id::text, runs.run_id, postings.weight::text from postings
     join words on words.id = postings.word join memories on memories.no = postings.memory left join runs on runs.id = postings.run
     order by words.namespace, words.word collate "C", memories.id`,
  ),
  tags: await query(
    'select tags.tag, tags.namespace, memories.id::text, tags.expires_ms::text from tags join memories on memories.no = tags.memory order by tag, namespace, id',
  ),
})

const counted = async (query: Query): Promise<unknown> => ({
  dangling: await query(
    'select * from postings where word not in (select id from words) or memory not in (select no from memories where not hidden)',
  ),
  wrong: await query(
    'select word from words where memories <> (select count(*) from postings where postings.word = words.id)',
  ),
  spaces:
    await query(`select namespace from spaces full join (select namespace, count(*) as there from memories where not hidden group by namespace) as live using (namespace)
    where memories is distinct from there`),
  tags: await query(`with kept as (select tag, namespace, memory, expires_ms from tags), wanted as (select unnest(tags), namespace, no, expires_ms from memories where not hidden)
    (select * from kept except select * from wanted) union all (select * from wanted except select * from kept)`),
})

export const postingsContract = (
  sql: () => Sql,
  put: (...memories: readonly MemoryRow[]) => Promise<void>,
  clear: () => Promise<void>,
): void => {
  const read = <T>(run: (query: Query) => Promise<T>): Promise<T> => sql().snapshot(run)

  it('keeps words, their counts and weights, and tags as a rebuild makes them, after any history of changes, forgets and erasures', async () => {
    const word = fc.constantFrom('lamp', 'lamps', 'src/Feed.ts', 'the', '東京で', 'Café', 'run')
    const text = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '))
    const seldom = fc.nat(4).map((drawn) => drawn === 0)
    // An id's namespace never changes.
    const row = fc
      .record({
        which: fc.nat(3),
        content: text,
        title: fc.option(text),
        run_id: fc.option(fc.constantFrom('r1', 'r2')),
        tags: fc.array(word, { maxLength: 2 }),
        expires_at: fc.constantFrom(null, at(1), at(2)),
        forgotten: seldom,
        erased: seldom,
      })
      .map(({ which, ...fields }) =>
        memory(`kept ${which}`, {
          ...fields,
          ...(fields.erased ? { content: null, title: null } : {}),
          namespace: ns(which % 2 === 0 ? 'even' : 'odd'),
        }),
      )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(row, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
        async (batches) => {
          await clear()
          for (const rows of batches) await put(...rows)
          const after = await read(kept)
          expect(await read(counted)).toEqual({ dangling: [], wrong: [], spaces: [], tags: [] })
          const last = new Map(batches.flat().map((one) => [one.id, one]))
          await clear()
          await put(...last.values())
          expect(after).toEqual(await read(kept))
        },
      ),
      { numRuns: 25 },
    )
  })

  it('moves every posting with its memory into another run', async () => {
    await put(memory(1, { content: 'sesame opens', run_id: 'first' }))
    await put(memory(1, { content: 'sesame opens', run_id: 'second' }))
    expect(
      await read((query) => query('select distinct run_id from postings left join runs on runs.id = postings.run')),
    ).toEqual([{ run_id: 'second' }])
  })

  it('forgets a word with the last memory that had it', async () => {
    await put(memory(1, { content: 'sesame opens' }), memory(2, { content: 'opens' }))
    await put(memory(1, { content: null, erased: true }))
    expect(
      await read((query) => query('select word, memories from words where word in ($1, $2)', ['sesam', 'open'])),
    ).toEqual([{ word: 'open', memories: 1 }])
    expect(await read((query) => query('select id::text from memories where id = $1::uuid', [id(1)]))).toEqual([
      { id: id(1) },
    ])
  })
}
