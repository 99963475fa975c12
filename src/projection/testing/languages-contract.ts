/** In twelve languages: what is asked in another form of its words, by a part or by a compound is found, beside what was found anyway. */
import { describe, expect, it } from 'vitest'
import type { MemoryRow, RecallQuery } from '../../ports/projection.ts'
import type { Sql } from '../sql.ts'
import { BY_LANGUAGE } from './languages.ts'
import { id, memory, ns } from './rows.ts'

const FOUND_MIN = 9

export const languagesContract = (
  sql: () => Sql,
  put: (...memories: readonly MemoryRow[]) => Promise<void>,
  recalled: (q: string, more?: Partial<RecallQuery>) => Promise<readonly string[]>,
): void => {
  describe('languages', () => {
    const all = Object.entries(BY_LANGUAGE).flatMap(([language, pairs]) =>
      pairs.map(([, content]) => memory(content, { content, namespace: ns(language) })),
    )

    it(`finds ${FOUND_MIN} of ten in each, first of its namespace, and among ten of all`, async () => {
      await put(...all)
      const missed: string[] = []
      for (const [language, pairs] of Object.entries(BY_LANGUAGE)) {
        let found = 0
        for (const [question, content] of pairs) {
          const [first] = await recalled(question, { namespace: ns(language) })
          expect(await recalled(question), question).toContain(first)
          if (first === id(content)) found++
          else
            missed.push(
              `${language}: ${question} → ${first === undefined ? 'nothing' : all.find((row) => row.id === first)?.content}`,
            )
        }
        expect(found, `${language}\n${missed.join('\n')}`).toBeGreaterThanOrEqual(FOUND_MIN)
      }
    })

    it('finds as much when a memory comes that has exactly the word', async () => {
      const compounds = [
        'Die Datenbankverbindung wird nach zehn Minuten getrennt.',
        'Unsere Datenbanken stehen in Frankfurt und in Wien.',
      ].map((content) => memory(content, { content }))
      await put(...compounds)
      const before = await recalled('Datenbank')
      expect(new Set(before)).toEqual(new Set(compounds.map((row) => row.id)))
      await put(memory('exact', { content: 'Eine Datenbank ist genug.' }))
      const after = await recalled('Datenbank')
      expect(after[0]).toBe(id('exact'))
      expect(new Set(after)).toEqual(new Set([...before, id('exact')]))
    })

    it('finds a part of a word where few memories are searched, whatever else has the part as a word', async () => {
      await put(
        memory('whole', { content: 'The script is short.' }),
        memory('part', { content: 'She likes typescripts and javascript more than anything.' }),
      )
      expect(await recalled('script')).toEqual([id('whole'), id('part')])
    })

    it('forgets with the last memory what its words began with, and what they had in them', async () => {
      const secret = memory('secret', { content: 'Der Hausmeister versteckt Zweitschlüssel unter Blumentöpfen.' })
      await put(secret, memory('other', { content: 'Nothing of the kind.' }))
      const further = (): Promise<readonly { readonly word: string }[]> =>
        sql().snapshot((query) =>
          query<{ word: string }>('select word from words where left(word, 1) = \'~\' order by word collate "C"'),
        )
      expect((await further()).map(({ word }) => word)).toEqual(
        expect.arrayContaining(['~:zweit', '~:schlu', '~german:blumentopf']),
      )
      await put({ ...secret, erased: true, content: null })
      expect(await further()).toEqual([])
    })
  })
}
