/**
 * From a question to the words that are looked up: each with its rarity among the memories that are searched.
 *
 * Words are never ANDed: a natural question has words that no memory has. A compound counts as the whole and as its parts, a word
 * that hardly anybody has also as the words nearest to it in spelling, where the database has trigrams.
 */
import { limits } from '../../crdt/limits.ts'
import type { Namespace } from '../../crdt/ids.ts'
import type { Stems } from './lexemes.ts'
import { unseen, type Query } from './sql.ts'
import { nearTo } from './near.ts'
import { NEAR_WEIGHT, PARTS_WEIGHT, rarity } from './weights.ts'
import { words, type Word } from './words.ts'

/** One lexeme to look up. `ids`: its numbers, one a namespace. `worth`: rarity times its share in the query. `near`: it was guessed for `of`. */
export type Term = {
  readonly lexeme: string
  /** The word of the question, as it was asked. */
  readonly of: string
  readonly ids: readonly number[]
  readonly memories: number
  readonly idf: number
  readonly worth: number
  readonly near: boolean
}

export type Asked = {
  /** Lexemes that some memory has, rarest first. */
  readonly terms: readonly Term[]
  /** False when the question had nothing but stop words and signs: there is nothing to look for. */
  readonly worded: boolean
}

type Known = { readonly id: number; readonly word: string; readonly memories: number }

/** @param trigrams the schema of pg_trgm, null when the database has none. @param searched how many memories with words there are to search. */
export const termsOf = async (query: Query, text: string, namespace: Namespace | undefined, stems: Stems, trigrams: string | null, searched: Promise<number>): Promise<Asked> => {
  const asked = new Map<string, Word>()
  for (const word of words(text, 'query')) {
    if (asked.size >= limits.recall_words_max) break
    asked.set(word[0]!, word)
  }
  await stems.learn(query, [...asked.values()])
  const shares = sharesOf(asked, stems)
  if (shares.size === 0) return { terms: [], worded: false }
  const found = await query<Known>(
    `select id::float8 as id, word, memories::float8 as memories from words where word = any(${unseen(1, 'text')}) ${namespace === undefined ? '' : 'and namespace = $2::text'}`,
    [[...shares.keys()], ...(namespace === undefined ? [] : [namespace])])
  const all = await searched
  const terms = [...grouped(found)].map(([lexeme, known]) => term(lexeme, known, shares.get(lexeme)!, all, false))
  return { terms: [...terms, ...(trigrams === null ? [] : await guessed(query, asked, shares, terms, namespace, all, trigrams))].sort(byRarity), worded: true }
}

type Share = { readonly of: string; readonly share: number }

/** Share of each lexeme in the question: 1 for a word or the whole of a compound, less for its parts. */
const sharesOf = (asked: ReadonlyMap<string, Word>, stems: Stems): ReadonlyMap<string, Share> => {
  const shares = new Map<string, Share>()
  for (const [of, word] of asked) {
    const [whole, ...parts] = stems.lexemes(word)
    if (whole === undefined) continue
    const give = (lexeme: string, share: number): void => {
      if (shares.size < limits.recall_lexemes_max && share > (shares.get(lexeme)?.share ?? 0)) shares.set(lexeme, { of, share })
    }
    give(whole, 1)
    for (const part of parts) give(part, PARTS_WEIGHT / parts.length)
  }
  return shares
}

const term = (lexeme: string, known: readonly Known[], { of, share }: Share, all: number, near: boolean): Term => {
  const memories = known.reduce((sum, one) => sum + one.memories, 0)
  const idf = rarity(memories, all)
  return { lexeme, of, ids: known.map(({ id }) => id), memories, idf, worth: idf * share, near }
}

/** Near words of those that hardly any memory has. */
const guessed = async (query: Query, asked: ReadonlyMap<string, Word>, shares: ReadonlyMap<string, Share>, terms: readonly Term[], namespace: Namespace | undefined, all: number, trigrams: string): Promise<readonly Term[]> => {
  const memoriesByWord = new Map<string, number>()
  for (const { of, memories } of terms) memoriesByWord.set(of, Math.max(memories, memoriesByWord.get(of) ?? 0))
  const rare = [...asked.keys()].filter((of) => (memoriesByWord.get(of) ?? 0) <= limits.recall_near_rows_max && [...shares.values()].some((share) => share.of === of))
  const near = await nearTo(query, rare, namespace, trigrams)
  return near.filter(({ word }) => !shares.has(word)).map((one) => term(one.word, one.known, { of: one.of, share: NEAR_WEIGHT * one.similarity }, all, true))
}

const grouped = (found: readonly Known[]): ReadonlyMap<string, readonly Known[]> => {
  const byWord = new Map<string, Known[]>()
  for (const one of found) byWord.set(one.word, [...(byWord.get(one.word) ?? []), one])
  return byWord
}

const byRarity = (a: Term, b: Term): number => a.memories - b.memories || (a.lexeme < b.lexeme ? -1 : 1)
