/** What questions of any length must find: whole prompts, common words, and what stands around a memory. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MemoryRow, RecallQuery } from '../../ports/projection.ts'
import { createStems, weightByLexeme, wordsOf } from '../lexemes.ts'
import type { Engine } from '../engine.ts'
import { IMPACT_STEPS, rarity, RUN_SHARE } from '../weights.ts'
import { id, memory, NOW } from './rows.ts'

export const longQuestionsContract = (
  engine: () => Engine,
  put: (...memories: readonly MemoryRow[]) => Promise<void>,
  recalled: (q: string, more?: Partial<RecallQuery>) => Promise<readonly string[]>,
  clear: () => Promise<void>,
): void => {
  describe('questions of any length', () => {
    const courtesy = `good morning my dear friend I hope that you are well and that you could please kindly help me once more since I would be most grateful for any
      answer whatever it may be and I really appreciate the time and the patience that you always have for me when I come along with something like this`
    const stops = Array.from({ length: 6 }, () => 'the and of to in is it that was for on are with as').join(' ')
    const farm = [
      memory('zebra', { content: 'The zebra has stripes.' }),
      ...['time', 'friend', 'answer', 'patience', 'morning'].map((word) =>
        memory(word, { content: `About ${word} and how it passes.` }),
      ),
    ]

    it.each([
      ['courtesy', courtesy],
      ['stop words', stops],
      ['what nobody knows', Array.from({ length: 500 }, (_, i) => `unheard${i}of`).join(' ')],
    ])('finds behind much of %s', async (_, before) => {
      await put(...farm)
      expect((await recalled(`${before} zebra`))[0]).toBe(id('zebra'))
      expect((await recalled(`${before}. What does a zebra have? ${before}`))[0]).toBe(id('zebra'))
    })

    it('takes 64 KiB, and the sentence in their middle still counts', async () => {
      await put(...farm, memory('stripes', { content: 'A tiger has stripes, too.' }))
      const half = `${courtesy.replaceAll(/\s+/g, ' ')}. `.repeat(110)
      const q = `${half}Which animal is a zebra with stripes? ${half}`
      expect(q.length).toBeGreaterThan(60_000)
      expect(q.length).toBeLessThanOrEqual(65_536)
      expect((await recalled(q))[0]).toBe(id('zebra'))
    })

    it.each([
      ['one word', 'x'.repeat(65_536)],
      ['letters', 'a b c d '.repeat(8_000)],
      ['ends of sentences', '. '.repeat(32_000)],
      ['no spaces', '東京で黒猫を見た'.repeat(2_700)],
      ['paths', 'a/b.c:d#e@f '.repeat(5_000)],
      ['words', Array.from({ length: 9_000 }, (_, i) => i.toString(36)).join(' ')],
    ])('takes 64 KiB of %s', async (_, q) => {
      await put(...farm)
      expect(Array.isArray(await recalled(q))).toBe(true)
    })
  })

  describe('where few memories are searched', () => {
    it('whoever has any word of the question comes', async () => {
      const texts = [
        'the database is Postgres',
        'the database runs on port 5433',
        'React draws the page',
        'we back the database up at night',
        'the database moved in May',
        'lunch is at noon',
        'the van is red',
      ]
      await put(...texts.map((content) => memory(content, { content })))
      const databases = [0, 1, 3, 4].map((place) => id(texts[place]!))
      expect(new Set(await recalled('what do we know about the database and React'))).toEqual(
        new Set([...databases, id(texts[2]!)]),
      )
      expect(new Set(await recalled('which port does the database use'))).toEqual(new Set(databases))
      expect((await recalled('which port does the database use'))[0]).toBe(id(texts[1]!))
    })

    it('all come that a look at every memory finds, in its order', async () => {
      const word = fc.constantFrom('zorbik', 'malfen', 'qurtol', 'vexadu', 'hobnim', 'jaspov', 'wiklet', 'drumga')
      const text = fc.array(word, { minLength: 1, maxLength: 9 }).map((words) => words.join(' '))
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ content: text.map(inEnglish), title: fc.option(word) }), {
            minLength: 1,
            maxLength: 40,
          }),
          text,
          async (given, q) => {
            await clear()
            const rows = given.map((fields, i) => memory(`dumb ${i}`, fields))
            await put(...rows)
            const { memories } = await engine().recall({ q, limit: 100 }, NOW)
            const expected = looked(rows, q)
            expect(new Set(memories.map((row) => row.id))).toEqual(new Set(expected.keys()))
            const scores = memories.map((row) => expected.get(row.id)!)
            // Beside it, all have the same share for recency, confidence and priority.
            memories.forEach(({ score }, i) =>
              expect(score / memories[0]!.score).toBeCloseTo(scores[i]! / scores[0]!, 6),
            )
          },
        ),
        { numRuns: 25 },
      )
    })
  })

  describe('what a memory stands in', () => {
    const section = memory('section', {
      title: 'Retries',
      content: 'Three times, then it gives up.',
      source: 'docs/billing/stripe-adapter.md',
      metadata: {
        path: 'docs/billing/stripe-adapter.md',
        document: 'The payment gateway',
        heading_path: ['Gateway', 'Failures', 'Retries'],
        aliases: ['PSP handbook'],
        deep: { er: [{ note: 'ombudsman' }] },
      },
    })

    it.each([
      ['payment gateway'],
      ['PSP handbook'],
      ['failures'],
      ['stripe adapter'],
      ['billing'],
      ['ombudsman'],
      ['payment gateway retries'],
    ])('is found by %j', async (q) => {
      await put(section, memory('other', { content: 'Nothing of the kind.' }))
      expect(await recalled(q)).toEqual([id('section')])
    })

    it('counts less than what the memory says itself, and goes with its text', async () => {
      await put(section, memory('itself', { title: 'Payment gateway', content: 'It is down on Sundays.' }))
      expect(await recalled('payment gateway')).toEqual([id('itself'), id('section')])
      await put({ ...section, erased: true, content: null, title: null, source: null, metadata: {} })
      expect(await recalled('ombudsman')).toEqual([])
    })
  })
}

/** Its small words tell the language, and are looked for by nobody. */
const inEnglish = (text: string): string => `the ${text.replaceAll(' ', ' and the ')}`

/** One memory after the other, as the score is defined; of words that are their own stems. */
const looked = (rows: readonly MemoryRow[], q: string): ReadonlyMap<string, number> => {
  const stems = createStems(new Map())
  const weights = rows.map((row) => ({ id: row.id, byLexeme: weightByLexeme(wordsOf(row), stems, null) }))
  const scores = new Map<string, number>()
  for (const word of new Set(q.split(' '))) {
    const having = weights.filter(({ byLexeme }) => byLexeme.has(word))
    for (const { id: one, byLexeme } of having)
      scores.set(
        one,
        (scores.get(one) ?? 0) +
          (rarity(having.length, rows.length) * byLexeme.get(word)! * (1 + RUN_SHARE)) / IMPACT_STEPS,
      )
  }
  return scores
}
