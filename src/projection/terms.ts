/**
 * From a question to the words that are looked up, and what each is worth.
 *
 * Words are never ANDed: a natural question has words that no memory has. A compound counts as the whole and as its parts, a word
 * that hardly anybody has also as the words nearest to it in spelling, where the database has trigrams.
 */
import { limits } from '../../crdt/limits.ts'
import type { Stems } from './lexemes.ts'
import type { Found } from './lookup.ts'
import type { Query } from './sql.ts'
import type { Near } from './near.ts'
import { NEAR_WEIGHT, PARTS_WEIGHT, rarity } from './weights.ts'
import { words, type Word } from './words.ts'

/** What a lexeme stands for in the question. `of`: the word as it was asked. `share`: 1 for a word or the whole of a compound, less for its parts and for guesses. */
export type Wanted = { readonly of: string; readonly share: number; /** It was guessed. */ readonly near: boolean }

/** A lexeme that some memory has. `found`: it as a word of each namespace. `memories`: so many have it. `worth`: its rarity times its share. */
export type Term = Wanted & { readonly lexeme: string; readonly found: readonly Found[]; readonly memories: number; readonly idf: number; readonly worth: number }

/** The question's lexemes; none when it has nothing but stop words and signs. */
export const wantedBy = async (query: Query, text: string, stems: Stems): Promise<ReadonlyMap<string, Wanted>> => {
  const asked = new Map<string, Word>()
  for (const word of words(text, 'query')) {
    if (asked.size >= limits.recall_words_max) break
    asked.set(word[0]!, word)
  }
  await stems.learn(query, [...asked.values()])
  const wanted = new Map<string, Wanted>()
  for (const [of, word] of asked) {
    const [whole, ...parts] = stems.lexemes(word)
    if (whole === undefined) continue
    const want = (lexeme: string, share: number): void => {
      if (wanted.size < limits.recall_lexemes_max && share > (wanted.get(lexeme)?.share ?? 0)) wanted.set(lexeme, { of, share, near: false })
    }
    want(whole, 1)
    for (const part of parts) want(part, PARTS_WEIGHT / parts.length)
  }
  return wanted
}

/** @param searched how many memories with words there are. */
export const termsOf = (wanted: ReadonlyMap<string, Wanted>, found: readonly Found[], searched: number): readonly Term[] => {
  const byWord = new Map<string, Found[]>()
  for (const one of found) byWord.set(one.word, [...(byWord.get(one.word) ?? []), one])
  return [...byWord].map(([lexeme, list]): Term => {
    const memories = list.reduce((sum, one) => sum + one.memories, 0)
    const idf = rarity(memories, searched)
    const one = wanted.get(lexeme)!
    // New fields before what is spread: behind it, each costs V8 of Node 20 half a microsecond.
    return { lexeme, found: list, memories, idf, worth: idf * one.share, ...one }
  })
}

/** Words of the question that so few memories have that they may be misspelt. */
export const doubtful = (wanted: ReadonlyMap<string, Wanted>, terms: readonly Term[]): readonly string[] => {
  const memoriesByWord = new Map<string, number>()
  for (const { of } of wanted.values()) memoriesByWord.set(of, 0)
  for (const { of, memories } of terms) memoriesByWord.set(of, Math.max(memories, memoriesByWord.get(of) ?? 0))
  return [...memoriesByWord].flatMap(([of, memories]) => (memories <= limits.recall_near_rows_max ? [of] : []))
}

/** What the near words stand for, but those that the question has itself. */
export const guessed = (near: readonly Near[], wanted: ReadonlyMap<string, Wanted>): ReadonlyMap<string, Wanted> =>
  new Map(near.flatMap(({ of, word, similarity }) => (wanted.has(word) ? [] : [[word, { of, share: NEAR_WEIGHT * similarity, near: true }] as const])))
