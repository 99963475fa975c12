/**
 * Words of a question against memories of which the index holds no words any more: as they were at a time, one after the other.
 *
 * Like the index it weighs a word by its rarity and its place (`weights.ts`), but with no dictionary, which only a database has: a word is found
 * as it stands, by its parts, by its beginning and within compounds. No run lends anything, no spelling is guessed. So it is a function of the memories
 * alone, and the same on every peer, also on one without a database.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow, ScoredMemory } from '../ports/projection.ts'
import { fuse } from './fuse.ts'
import { createStems, weightByLexeme, wordsOf } from './lexemes.ts'
import { nudge, type Nudged } from './nudge.ts'
import { questionOf } from './terms.ts'
import { IMPACT_STEPS, rarity } from './weights.ts'

export type PastRank = {
  /** Whether the question has words at all: a stop word is one here. */
  readonly asks: boolean
  /** Call with each memory once. */
  take(row: MemoryRow): void
  /** The best, best first, by words alone; `read` again, since only their weights were kept. */
  best(limit: number, now: string, read: (id: string) => Promise<MemoryRow | null>): Promise<readonly PastHit[]>
}
export type PastHit = { readonly row: MemoryRow; readonly score: number; readonly explain: ScoredMemory['explain'] }

/** Taken as the language of all: its further lexemes are beginnings and runs of letters, of which no dictionary knows. */
const ANY_LANGUAGE = 'other'
const noDictionary = (): Promise<readonly never[]> => Promise.resolve([])

export const createPastRank = async (text: string): Promise<PastRank> => {
  const stems = createStems(new Map())
  const { wanted } = await questionOf(noDictionary, text, stems, [ANY_LANGUAGE])
  const having = new Map<string, number>()
  const weightsById = new Map<string, ReadonlyMap<string, number>>()
  let searched = 0

  return {
    asks: wanted.size > 0,
    take: (row) => {
      searched++
      const found = new Map<string, number>()
      for (const [lexeme, weight] of weightByLexeme(wordsOf(row), stems, ANY_LANGUAGE)) {
        if (!wanted.has(lexeme)) continue
        found.set(lexeme, weight / IMPACT_STEPS)
        having.set(lexeme, (having.get(lexeme) ?? 0) + 1)
      }
      if (found.size > 0) weightsById.set(row.id, found)
    },
    best: async (limit, now, read) => {
      const idfOf = (lexeme: string): number => rarity(having.get(lexeme) ?? 0, searched)
      const scored = [...weightsById].map(([id, weights]) => {
        let own = 0
        // In one order everywhere: a sum of fractions depends on it.
        for (const lexeme of [...weights.keys()].sort())
          own += weights.get(lexeme)! * idfOf(lexeme) * wanted.get(lexeme)!.share
        return { id, own, context: 0, whole: own }
      })
      scored.sort((a, b) => b.own - a.own || (a.id < b.id ? 1 : -1))
      const found: { row: MemoryRow; fused: ReturnType<typeof fuse>[number] }[] = []
      for (const fused of fuse(scored.slice(0, limit + limits.recall_candidates_spare), [])) {
        const row = await read(fused.id)
        if (row !== null) found.push({ row, fused })
      }
      const why = ({ row, fused, nudges }: Nudged): ScoredMemory['explain'] => ({
        matched: [...weightsById.get(row.id)!.keys()]
          .sort()
          .map((lexeme) => ({
            word: wanted.get(lexeme)!.of,
            lexeme,
            idf: idfOf(lexeme),
            in_memories: having.get(lexeme),
          })),
        lexical: { rank: fused.lexicalRank, score: fused.score, words: fused.lexical!.own },
        context: null,
        vector: null,
        ...nudges,
      })
      return nudge(found, Date.parse(now))
        .slice(0, limit)
        .map((one) => ({ row: one.row, score: one.score, explain: why(one) }))
    },
  }
}
