/**
 * Which words of a long question are looked for: those that carry something, by their worth, wherever they stand.
 *
 * A passage's words are ranked by their rarity; of all passages the first words come before the second ones. So a word that is rare in
 * the namespace, but stands in a sentence that nobody's memory is about, cannot push out the words of the sentence that asks.
 */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { isCourtesy } from './courtesy.ts'
import { countsOf } from './lookup.ts'
import type { Query } from './sql.ts'
import type { Question, Wanted } from './terms.ts'
import { COURTESY_SHARE, rarity } from './weights.ts'

/** @param searched how many memories with words there are. */
export const carryingOf = async (
  query: Query,
  { wanted, passages }: Question,
  namespace: Namespace | undefined,
  searched: number,
): Promise<Question> => {
  const counts = await countsOf(query, [...wanted.keys()], namespace)
  const worthByWord = new Map<string, number>()
  const passagesByWord = new Map<string, readonly number[]>()
  for (const [lexeme, { of, share, passages: places }] of wanted) {
    const memories = counts.get(lexeme)
    if (memories === undefined) continue
    worthByWord.set(of, Math.max(worthByWord.get(of) ?? 0, rarity(memories, searched) * share * courtesyShare(of)))
    passagesByWord.set(of, places)
  }
  const byWorth = [...worthByWord].sort(([a, worth], [b, other]) => other - worth || (a < b ? -1 : 1)).map(([of]) => of)
  const kept = bestPassages(byWorth, worthByWord, passagesByWord, passages)
  /** Of each word its place among the words of the passage where it is best placed. */
  const placeByWord = new Map<string, number>()
  const seen = new Map<number, number>()
  for (const of of byWorth) {
    for (const passage of passagesByWord.get(of)!) {
      if (!kept.has(passage)) continue
      const place = seen.get(passage) ?? 0
      seen.set(passage, place + 1)
      placeByWord.set(of, Math.min(place, placeByWord.get(of) ?? place))
    }
  }
  // The sort keeps what is equal as it comes: of equal places the word that is worth more.
  const chosen = new Set(
    byWorth
      .filter((of) => placeByWord.has(of))
      .sort((a, b) => placeByWord.get(a)! - placeByWord.get(b)!)
      .slice(0, limits.recall_words_max),
  )
  const lookedFor = new Map<string, Wanted>()
  for (const [lexeme, one] of wanted) {
    if (chosen.has(one.of) && counts.has(lexeme))
      lookedFor.set(lexeme, {
        ...one,
        share: one.share * courtesyShare(one.of),
        passages: one.passages.flatMap((passage) => kept.get(passage) ?? []).slice(0, limits.recall_word_passages_max),
      })
  }
  return { wanted: lookedFor, passages: kept.size }
}

const courtesyShare = (of: string): number => (isCourtesy(of) ? COURTESY_SHARE : 1)

/** The passages whose best words are worth most, numbered anew. */
const bestPassages = (
  byWorth: readonly string[],
  worthByWord: ReadonlyMap<string, number>,
  passagesByWord: ReadonlyMap<string, readonly number[]>,
  count: number,
): ReadonlyMap<number, number> => {
  const worths = new Float64Array(count)
  for (const of of byWorth) for (const passage of passagesByWord.get(of)!) worths[passage]! += worthByWord.get(of)!
  const best = Array.from(worths.keys())
    .sort((a, b) => worths[b]! - worths[a]! || a - b)
    .slice(0, limits.recall_passages_max)
  return new Map(best.map((passage, i) => [passage, i]))
}
