/**
 * From words to lexemes, what the index holds and queries look for, and what each is worth in a memory.
 *
 * A form of plain English letters is indexed by its stem (Postgres' own Snowball dictionary), every other form as it stands. What
 * that dictionary calls a stop word is left out on both sides, which is why a query of stop words has no words.
 *
 * A memory in another language has more lexemes a word, beside those: its stem in that language, its beginning, for languages without
 * a dictionary and for what no stemmer knows, and of a long word each run of five letters, for compounds. A question looks for the same, so
 * a part finds the whole and the whole its parts, whatever else is found. Their names begin with a sign that no word has.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { contextOf } from './context.ts'
import type { Language } from './languages.ts'
import type { Query } from './sql.ts'
import { BEGINNING_SHARE, FIELD_WEIGHT, impact, STEM_SHARE, type Field } from './weights.ts'
import { words, type Word } from './words.ts'

export type Stems = {
  /** Looks up in the dictionaries, in one statement, what of these texts' words is not known yet. */
  learn(query: Query, of: readonly Worded[]): Promise<void>
  /** The word's lexemes, the whole before its parts; none for a stop word. */
  lexemes(word: Word): readonly string[]
  /** Further ones of that language, and what each counts of the word. */
  further(word: Word, language: Language): readonly (readonly [lexeme: string, share: number])[]
}

/** Words, and the languages beside English in which they are to be stemmed. */
export type Worded = { readonly words: readonly Word[]; readonly languages: readonly Language[] }

const STEMMABLE = /^[a-z]{1,40}$/
const LETTERS = /^[\p{L}\p{M}]{3,40}$/u
const ENGLISH = 'english'
/** Begins the name of a lexeme that is no word. */
export const FURTHER = '~'
/** Letters that a word begins with, or has in it, by which it is found: shorter ones are in everything. */
const GRAM_LETTERS = 5
/** A word of so many letters may be a compound: of a shorter one only the beginning counts. */
const COMPOUND_LETTERS = 8

/** Stem by language and form, '' for a stop word: what the dictionaries answered before. Emptied when full: a batch brings the vocabulary back. */
export type StemMemory = Map<string, string>

const keyOf = (language: Language, form: string): string => `${language}\n${form}`

/**
 * One piece of work's view of the dictionaries: two at a time never see each other's half, and one larger than the memory has all its words.
 * @param stemmed languages that have a dictionary here.
 */
export const createStems = (stemByKey: StemMemory, stemmed: ReadonlySet<Language> = new Set()): Stems => {
  let present = new Map<string, string>()
  return {
    async learn(query, of) {
      present = new Map()
      const [forms, languages]: [string[], Language[]] = [[], []]
      const need = (language: Language, form: string): void => {
        const key = keyOf(language, form)
        if (present.has(key)) return
        const stem = stemByKey.get(key)
        present.set(key, stem ?? form)
        if (stem !== undefined) return
        forms.push(form)
        languages.push(language)
      }
      for (const { words: list, languages: others } of of) {
        const dictionaries = others.filter((language) => stemmed.has(language))
        for (const word of list) {
          for (const form of word) {
            if (STEMMABLE.test(form)) need(ENGLISH, form)
            if (dictionaries.length > 0 && LETTERS.test(form)) for (const language of dictionaries) need(language, form)
          }
        }
      }
      if (forms.length === 0) return
      if (stemByKey.size + forms.length > limits.stems_remembered_max) stemByKey.clear()
      const rows = await query<{ form: string; language: string; stem: string }>(
        "select form, language, coalesce((ts_lexize((language || '_stem')::regdictionary, form))[1], '') as stem from unnest($1::text[], $2::text[]) as asked(form, language)",
        [forms, languages],
      )
      for (const { form, language, stem } of rows) {
        const key = keyOf(language, form)
        if (stemByKey.size < limits.stems_remembered_max) stemByKey.set(key, stem)
        present.set(key, stem)
      }
    },
    lexemes(word) {
      const found = new Set<string>()
      for (const form of word) {
        const stem = present.get(keyOf(ENGLISH, form)) ?? form
        if (stem !== '') found.add(stem)
      }
      return [...found]
    },
    further(word, language) {
      const found = new Map<string, number>()
      for (const form of word) {
        if (!LETTERS.test(form)) continue
        const stem = stemmed.has(language) ? present.get(keyOf(language, form)) : undefined
        if (stem === '') continue
        if (stem !== undefined) found.set(`${FURTHER}${language}:${stem}`, STEM_SHARE)
        const letters = Array.from(form)
        const last = letters.length < COMPOUND_LETTERS ? 0 : letters.length - GRAM_LETTERS
        for (let at = 0; at <= last && letters.length >= GRAM_LETTERS; at++) {
          const gram = `${FURTHER}:${letters.slice(at, at + GRAM_LETTERS).join('')}`
          if (!found.has(gram)) found.set(gram, at === 0 ? BEGINNING_SHARE : BEGINNING_SHARE / last)
        }
      }
      return [...found]
    },
  }
}

export type WordsByField = readonly (readonly [field: Field, words: readonly Word[]])[]

/** The words of a memory that can be searched: none when it is hidden, so that an erased text leaves the index too. */
export const wordsOf = (row: MemoryRow): WordsByField => {
  if (row.forgotten || row.erased) return []
  let left = limits.search_words_per_memory_max
  const take = (text: string | null): Word[] => {
    const taken: Word[] = []
    if (text === null) return taken
    for (const word of words(text, 'index')) {
      if (left-- <= 0) break
      taken.push(word)
    }
    return taken
  }
  const title = take(row.title)
  const names = [...take(row.agent_id), ...take(row.run_id)]
  const tags = row.tags.flatMap(take)
  const context = contextOf(row).flatMap(take).slice(0, limits.search_context_words_max)
  return [
    ['title', title],
    ['names', names],
    ['tags', tags],
    ['context', context],
    ['content', take(row.content)],
  ]
}

/** What each lexeme is worth in the memory. A function of its own words alone. */
export const weightByLexeme = (
  fields: WordsByField,
  stems: Stems,
  language: Language | null,
): ReadonlyMap<string, number> => {
  const frequencies = new Map<string, number>()
  let length = 0
  for (const [field, list] of fields) {
    if (field === 'title' || field === 'content') length += list.length
    for (const word of list) {
      for (const lexeme of lexemesOf(word, stems, language)) {
        const before = frequencies.get(lexeme)
        if (before === undefined && frequencies.size >= limits.search_lexemes_per_memory_max) continue
        frequencies.set(lexeme, (before ?? 0) + FIELD_WEIGHT[field])
      }
    }
  }
  return new Map([...frequencies].map(([lexeme, frequency]) => [lexeme, impact(frequency, length)]))
}

/** All by which that word of a memory is found. */
export const lexemesOf = (word: Word, stems: Stems, language: Language | null): readonly string[] =>
  language === null
    ? stems.lexemes(word)
    : [...stems.lexemes(word), ...stems.further(word, language).map(([lexeme]) => lexeme)]
