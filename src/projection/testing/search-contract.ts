/** What lexical recall must find, whatever the database. */
import { beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../../crdt/limits.ts'
import type { MemoryRow, RecallQuery } from '../../ports/projection.ts'
import type { Engine } from '../engine.ts'
import { agent, at, id, memory, NOW, ns, reflecting } from './rows.ts'

type Explained = {
  readonly lexical: { readonly score: number; readonly words: number }
  readonly context: { readonly neighbours: number; readonly run: number }
  readonly vector: unknown
  readonly recency: number
  readonly confidence: number
  readonly priority: number
}

const CORPUS: Readonly<Record<string, Partial<MemoryRow>>> = {
  lamp: { content: 'The lamp in the kitchen was running all night.' },
  deploy: {
    title: 'Deployment',
    content: 'We ran the deploy script for src/projection/feed.ts and saw HTTP-503 from api_gateway.',
  },
  parser: { content: 'parseRecordId refuses upper case; see JIRA-4711 or mail ops@example.com.' },
  café: { content: 'Das Café in Überlingen öffnet um neun; naïve Gäste kommen früher.' },
  neko: { content: '東京で黒猫を見た' },
  russian: { content: 'Москва стоит на реке' },
  tagged: {
    content: 'nothing of note',
    tags: ['quarterly-report'],
    agent_id: agent('ai:scribe'),
    run_id: 'run-2026-77',
  },
}

export const searchContract = (
  engine: () => Engine,
  put: (...memories: readonly MemoryRow[]) => Promise<void>,
  recalled: (q: string, more?: Partial<RecallQuery>) => Promise<readonly string[]>,
): void => {
  describe('recall', () => {
    beforeEach(() => put(...Object.entries(CORPUS).map(([seed, fields]) => memory(seed, fields))))

    const finds: readonly (readonly [query: string, best: string])[] = [
      ['run lamps', 'lamp'],
      ['what was it that ran in the kitchens at night?', 'lamp'],
      ['deployments', 'deploy'],
      ['feed.ts', 'deploy'],
      ['src/projection/feed.ts', 'deploy'],
      ['projection', 'deploy'],
      ['503', 'deploy'],
      ['http-503', 'deploy'],
      ['api gateway', 'deploy'],
      ['parseRecordId', 'parser'],
      ['PARSERECORDID', 'parser'],
      ['record', 'parser'],
      ['jira-4711', 'parser'],
      ['4711', 'parser'],
      ['ops@example.com', 'parser'],
      ['cafe', 'café'],
      ['CAFE\u0301', 'café'],
      ['uberlingen', 'café'],
      ['Gäste', 'café'],
      ['黒猫', 'neko'],
      ['猫', 'neko'],
      ['москва', 'russian'],
      ['quarterly-report', 'tagged'],
      ['reports', 'tagged'],
      ['ai:scribe', 'tagged'],
      ['run-2026-77', 'tagged'],
      ['zebra xylophone kitchen', 'lamp'],
    ]
    it.each(finds)('finds by %j', async (query, best) => {
      expect((await recalled(query))[0]).toBe(id(best))
    })

    it('finds nothing where nothing matches', async () => expect(await recalled('zebra xylophone')).toEqual([]))

    it('answers the newest to a query without words', async () => {
      await put(memory('newest', { created_at: at(9) }))
      for (const query of ['', '   ', 'the of and', "'|&!():*<->", '\0']) {
        const answer = await engine().recall({ q: query, limit: 2 }, NOW)
        expect([query, ...answer.memories.map((row) => [row.id === id('newest'), row.score])]).toEqual([
          query,
          [true, 0],
          [false, 0],
        ])
      }
    })

    it.each([
      ["'; drop table memories; --"],
      ["kitchen' | 'lamp"],
      ['kitchen:* & !lamp'],
      ['\\'],
      ['kitchen <-> lamp'],
      ["''''"],
      ['$1 $2'],
      ['a'.repeat(8_000)],
      ['kitchen '.repeat(1_000)],
      ['\ud800 kitchen'],
    ])('takes %j for words', async (query) => {
      const answer = await engine().recall({ q: query, limit: 5 }, NOW)
      if (query.includes('kitchen')) expect(answer.memories[0]?.id).toBe(id('lamp'))
      expect((await engine().stats(NOW)).total).toBe(Object.keys(CORPUS).length)
    })

    it('ranks by score, a title over a text, a rare word over a common one, ties by age', async () => {
      await put(
        ...Array.from({ length: 30 }, (_, i) =>
          memory(`common ${i}`, { content: 'the weather was fine', created_at: at(i) }),
        ),
        memory('rare', { content: 'the barometer was fine' }),
        memory('titled', { title: 'weather', content: 'fine' }),
      )
      expect((await recalled('weather barometer'))[0]).toBe(id('rare'))
      expect((await recalled('weather'))[0]).toBe(id('titled'))
      const { memories } = await engine().recall({ q: 'weather', limit: 40 }, NOW)
      expect(memories).toHaveLength(31)
      expect(memories.map((row) => row.score)).toEqual(memories.map((row) => row.score).sort((a, b) => b - a))
      expect(memories.slice(1).map((row) => row.created_at)).toEqual(
        memories
          .slice(1)
          .map((row) => row.created_at)
          .sort()
          .reverse(),
      )
    })

    it('keeps by tags what a list keeps', async () => {
      const expiry = [null, at(1), '2031-01-01T00:00:00.000Z']
      const row = (i: number): MemoryRow =>
        memory(i, {
          content: 'the harbour',
          namespace: ns((i & 1) === 0 ? 'even' : 'odd'),
          tags: [...((i & 2) === 0 ? [] : ['a', 'é\0']), ...((i & 4) === 0 ? [] : ['b', 'b'])],
          expires_at: expiry[(i >> 3) % 3]!,
          forgotten: i % 5 === 0,
        })
      await put(...Array.from({ length: 48 }, (_, i) => row(i)))
      await put(
        { ...row(6), tags: ['a'] },
        { ...row(14), expires_at: null },
        { ...row(22), erased: true, content: null },
      )
      for (const filter of [
        { tags: ['a'] },
        { tags: ['b', 'a', 'b'] },
        { tags: ['é\0'], namespace: ns('odd') },
        { tags: ['a'], kinds: ['fact'] },
        { tags: ['a', 'none'] },
      ]) {
        const { rows } = await engine().list(filter, { limit: 100, now: NOW })
        expect(rows.length > 3, JSON.stringify(filter)).toBe(!filter.tags.includes('none'))
        expect([...(await recalled('harbour', { ...filter, limit: 100 }))].sort(), JSON.stringify(filter)).toEqual(
          rows.map((one) => one.id).sort(),
        )
      }
    })

    it('still answers in full when the rarer words alone match plenty but the filter leaves few', async () => {
      const rows = Array.from({ length: 1_600 }, (_, i) =>
        memory(`many ${i}`, {
          content: i < 500 ? 'alpha beta gamma' : 'gamma',
          namespace: ns(i < 1_590 ? 'big' : 'small'),
        }),
      )
      await put(...rows)
      expect(await recalled('alpha gamma', { namespace: ns('small') })).toHaveLength(10)
      const big = await engine().recall({ q: 'alpha gamma', limit: limits.recall_limit_max }, NOW)
      expect(big.memories.every((row) => row.content === 'alpha beta gamma')).toBe(true)
    })

    it('fills a token budget in rank order, with at least one', async () => {
      await put(
        memory('long', { content: `budget ${'budget '.repeat(99)}`, title: 'budget' }),
        memory('short', { content: 'budget' }),
      )
      expect(await recalled('budget')).toEqual([id('long'), id('short')])
      expect(await recalled('budget', { max_tokens: 1 })).toEqual([id('long')])
      expect(await recalled('budget', { max_tokens: 500 })).toEqual([id('long'), id('short')])
    })

    it('explains which words matched where', async () => {
      const { memories } = await engine().recall({ q: 'the deploying of feed.ts zebra', limit: 1, explain: true }, NOW)
      const matched = memories[0]?.explain?.['matched']
      expect(matched).toHaveLength(2)
      expect(matched).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ word: 'deploying', fields: ['title', 'content'], in_memories: 1 }),
          expect.objectContaining({ word: 'feed.ts', fields: ['content'] }),
        ]),
      )
    })

    describe('near words', () => {
      it.each([
        ['kitchne', 'lamp'],
        ['deploymnet', 'deploy'],
        ['uberlignen', 'café'],
        ['jira-4171', 'parser'],
        ['quaterly-report', 'tagged'],
      ])('finds by the misspelt %j', async (query, best) => {
        expect((await recalled(query))[0]).toBe(id(best))
      })

      it('prefers what was asked for to what is near', async () => {
        await put(
          memory('asked', { content: 'the kitten sleeps' }),
          memory('near', { content: 'the mitten sleeps, the mitten is warm' }),
        )
        expect(await recalled('kitten')).toEqual([id('asked')])
        const { memories } = await engine().recall({ q: 'kittne', limit: 5, explain: true }, NOW)
        expect(memories[0]).toMatchObject({
          id: id('asked'),
          explain: { matched: [{ word: 'kittne', near: 'kitten' }] },
        })
      })
    })

    describe('context', () => {
      const turns = [
        ['q', 'Which colour did the committee choose for the bridge?'],
        ['a', 'Green, after long talks.'],
        ['thanks', 'Thanks!'],
        ['other', 'Dinner is at eight.'],
      ] as const

      it('lends to neighbours in a run, whatever the order they came in', async () => {
        for (const [name, content] of [turns[2], turns[0], turns[3], turns[1]]) {
          const place = turns.findIndex(([turn]) => turn === name)
          await put(memory(name, { content, run_id: 'talk', occurred_at: at(place), created_at: at(100 - place) }))
        }
        await put(
          memory('alone', { content: 'Green, after long talks.' }),
          memory('elsewhere', { content: 'Thanks!', run_id: 'talk', namespace: ns('other') }),
        )
        expect(await recalled('colour committee bridge')).toEqual([id('q'), id('a'), id('thanks')])
        const { memories } = await engine().recall({ q: 'colour committee bridge', limit: 3, explain: true }, NOW)
        expect(memories[1]?.explain).toMatchObject({ matched: [], lexical: { rank: 2, words: 0 } })
        const lent = memories.map((row) => (row.explain as Explained).context.neighbours)
        expect(lent[1]).toBeGreaterThan(lent[2]!)
        expect(lent[2]).toBeGreaterThan(0)
      })

      it('shows no neighbour that is hidden, expired, or not asked for', async () => {
        await put(
          ...turns.map(([name, content], i) =>
            memory(name, { content, run_id: 'talk', occurred_at: at(i), tags: [name] }),
          ),
        )
        await put(
          memory('a', { content: turns[1][1], run_id: 'talk', occurred_at: at(1), forgotten: true }),
          memory('thanks', { content: turns[2][1], run_id: 'talk', occurred_at: at(2), expires_at: at(5) }),
        )
        expect(await recalled('colour committee bridge')).toEqual([id('q'), id('other')])
        expect(await recalled('colour committee bridge', { tags: ['q'] })).toEqual([id('q')])
      })

      it('follows a memory into another run', async () => {
        await put(
          ...turns.map(([name, content], i) => memory(name, { content, run_id: 'talk', occurred_at: at(i) })),
          memory('there', { content: 'Nothing to see.', run_id: 'walk' }),
        )
        await put(memory('q', { content: turns[0][1], run_id: 'walk', occurred_at: at(0) }))
        expect(await recalled('colour committee bridge')).toEqual([id('q'), id('there')])
      })

      it('puts a memory without a run at no disadvantage', async () => {
        await put(
          memory('in a run', { content: 'the harbour was closed', run_id: 'x', created_at: at(1) }),
          memory('without', { content: 'the harbour was closed', created_at: at(2) }),
        )
        expect((await recalled('harbour')).slice(0, 2)).toEqual([id('without'), id('in a run')])
      })
    })

    it('breaks near-ties by recency, confidence and priority, and nothing else', async () => {
      const same = { content: 'the harbour was closed', occurred_at: at(0) }
      await put(
        memory('plain', { ...same, confidence: 0.5 }),
        memory('sure', { ...same, confidence: 1 }),
        memory('urgent', { ...same, confidence: 1, priority: 9 }),
        memory('recent', { ...same, confidence: 1, priority: 9, occurred_at: NOW }),
        memory('better', { content: 'harbour', title: 'harbour', confidence: 0, priority: 1, occurred_at: at(-1e6) }),
      )
      expect(await recalled('harbour')).toEqual(['better', 'recent', 'urgent', 'sure', 'plain'].map(id))
    })

    it('explains each channel and how the score comes about', async () => {
      const { memories } = await engine().recall({ q: 'lamp kitchen', limit: 1, explain: true }, NOW)
      const { lexical, context, vector, recency, confidence, priority } = memories[0]!.explain as Explained
      expect(vector).toBeNull()
      expect(lexical.score).toBeCloseTo(lexical.words + context.neighbours + context.run, 9)
      expect(memories[0]!.score).toBeCloseTo(lexical.score * (1 + recency + confidence + priority), 9)
    })

    it('finds what has not expired among much that has', async () => {
      await put(
        ...Array.from({ length: 300 }, (_, i) => memory(`gone ${i}`, { content: 'the harbour', expires_at: at(1) })),
        memory('stays', { content: 'somebody who was at the harbour on a long and rainy afternoon in the autumn' }),
      )
      expect(await recalled('harbour')).toEqual([id('stays')])
    })

    it('says which frontier it shows', async () => {
      const answer = await engine().recall({ q: 'lamp', limit: 1 }, NOW)
      expect(answer).toMatchObject({ mode: 'lexical', ...reflecting(1) })
    })
  })
}
