/**
 * From a question to the words that are looked up, and what each is worth.
 *
 * Words are never ANDed: a natural question has words that no memory has. A compound counts as the whole and as its parts, a word
 * that hardly anybody has also as the words nearest to it in spelling, where the database has trigrams.
 */
import { limits } from '../../crdt/limits.ts'
import type { Language } from './languages.ts'
import { FURTHER, type Stems } from './lexemes.ts'
import type { Found } from './lookup.ts'
import type { Query } from './sql.ts'
import type { Near } from './near.ts'
import { passagesOf } from './passages.ts'
import { PARTS_WEIGHT, rarity } from './weights.ts'
import { words, type Word } from './words.ts'

/**
 * What a lexeme stands for in the question. `of`: the word as it was asked. `share`: 1 for a word or the whole of a compound, less for its
 * parts and for guesses. `passages`: the places of those that have it.
 */
export type Wanted = {
  readonly of: string
  readonly share: number
  /** It was guessed. */ readonly near: boolean
  readonly passages: readonly number[]
}

/** A lexeme that some memory has. `found`: it as a word of each namespace. `memories`: so many have it. `worth`: its rarity times its share. */
export type Term = Wanted & {
  readonly lexeme: string
  readonly found: readonly Found[]
  readonly memories: number
  readonly idf: number
  readonly worth: number
}

/** `wanted`: its lexemes; none when it has nothing but stop words and signs. `passages`: how many it is asked in; one, where it is short. */
export type Question = { readonly wanted: ReadonlyMap<string, Wanted>; readonly passages: number }

/** @param languages those that memories here are written in, beside English. */
export const questionOf = async (
  query: Query,
  text: string,
  stems: Stems,
  languages: readonly Language[],
): Promise<Question> => {
  const passages = passagesOf(text)
  const asked = new Map<string, { readonly word: Word; readonly passages: number[] }>()
  for (const [place, passage] of passages.entries()) {
    for (const word of words(passage, 'query')) {
      const known = asked.get(word[0]!)
      if (known === undefined && asked.size < limits.recall_words_counted_max)
        asked.set(word[0]!, { word, passages: [place] })
      else if (known !== undefined && known.passages.at(-1) !== place) known.passages.push(place)
    }
  }
  await stems.learn(query, [{ words: [...asked.values()].map(({ word }) => word), languages }])
  const wanted = new Map<string, Wanted>()
  let carrying = 0
  for (const [of, { word, passages: places }] of asked) {
    const [whole, ...parts] = stems.lexemes(word)
    if (whole === undefined) continue
    carrying++
    const want = (lexeme: string, share: number): void => {
      const known = wanted.get(lexeme)
      if (known === undefined ? wanted.size < limits.recall_lexemes_max : share > known.share)
        wanted.set(lexeme, { of, share, near: false, passages: places })
    }
    want(whole, 1)
    for (const part of parts) want(part, PARTS_WEIGHT / parts.length)
    for (const language of languages) for (const [lexeme, share] of stems.further(word, language)) want(lexeme, share)
  }
  if (carrying >= limits.recall_long_words_min) return { wanted, passages: passages.length }
  const whole = [0]
  return {
    wanted: new Map([...wanted].map(([lexeme, { of, share, near }]) => [lexeme, { of, share, near, passages: whole }])),
    passages: 1,
  }
}

/** @param searched how many memories with words there are. */
export const termsOf = (
  wanted: ReadonlyMap<string, Wanted>,
  found: readonly Found[],
  searched: number,
): readonly Term[] => {
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

/**
 * Words of the question that others may contain: as they are looked for, without their parts. Words that so many memories have as are
 * wanted bring enough by themselves.
 */
export const wholes = (
  wanted: ReadonlyMap<string, Wanted>,
  known: readonly Term[],
  enough: number,
): ReadonlyMap<string, string> => {
  const common = new Set(known.flatMap(({ lexeme, memories }) => (memories >= enough ? [lexeme] : [])))
  const ofByLexeme = new Map<string, string>()
  for (const [lexeme, { of, share }] of wanted)
    if (share === 1 && !lexeme.startsWith(FURTHER) && !common.has(lexeme)) ofByLexeme.set(lexeme, of)
  return ofByLexeme
}

/** Held to be no rarer than what was asked for, where somebody has that. */
export const held = (terms: readonly Term[], known: readonly Term[]): readonly Term[] => {
  const idfByWord = new Map<string, number>()
  for (const { of, idf } of known) idfByWord.set(of, Math.max(idf, idfByWord.get(of) ?? 0))
  return terms.map((term) => {
    const idf = Math.min(term.idf, idfByWord.get(term.of) ?? term.idf)
    return { ...term, idf, worth: idf * term.share }
  })
}

/** What the near words stand for, but those that the question has itself. */
export const guessed = (
  near: readonly Near[],
  wanted: ReadonlyMap<string, Wanted>,
  weight: number,
): ReadonlyMap<string, Wanted> =>
  new Map(
    near.flatMap(({ of, word, similarity }) =>
      wanted.has(word) ? [] : [[word, { of, share: weight * similarity, near: true, passages: [0] }] as const],
    ),
  )
