/**
 * From words to lexemes, what the index holds and queries look for, and what each is worth in a memory.
 *
 * A form of plain English letters is indexed by its stem (Postgres' own Snowball dictionary), every other form as it stands. What
 * that dictionary calls a stop word is left out on both sides, which is why a query of stop words has no words.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow } from '../ports/projection.ts'
import type { Query } from './sql.ts'
import { FIELD_WEIGHT, impact, type Field } from './weights.ts'
import { contextOf } from './context.ts'
import { words, type Word } from './words.ts'

export type Stems = {
  /** Looks up in the dictionary, in one statement, what of these texts' words is not known yet. */
  learn(query: Query, of: readonly Word[]): Promise<void>
  /** The word's lexemes, the whole before its parts; none for a stop word. */
  lexemes(word: Word): readonly string[]
}

const STEMMABLE = /^[a-z]{1,40}$/

/** Stem by form, '' for a stop word: what the dictionary answered before. Emptied when full: a batch brings the vocabulary back. */
export type StemMemory = Map<string, string>

/** One piece of work's view of the dictionary: two at a time never see each other's half, and one larger than the memory has all its words. */
export const createStems = (stemByForm: StemMemory): Stems => {
  let present = new Map<string, string>()
  return {
    async learn(query, of) {
      present = new Map()
      const unknown: string[] = []
      for (const word of of) {
        for (const form of word) {
          if (present.has(form) || !STEMMABLE.test(form)) continue
          const stem = stemByForm.get(form)
          present.set(form, stem ?? form)
          if (stem === undefined) unknown.push(form)
        }
      }
      if (unknown.length === 0) return
      if (stemByForm.size + unknown.length > limits.stems_remembered_max) stemByForm.clear()
      const rows = await query<{ form: string; stem: string }>(
        "select form, coalesce((ts_lexize('english_stem', form))[1], '') as stem from unnest($1::text[]) as form", [unknown])
      for (const { form, stem } of rows) {
        if (stemByForm.size < limits.stems_remembered_max) stemByForm.set(form, stem)
        present.set(form, stem)
      }
    },
    lexemes(word) {
      const found = new Set<string>()
      for (const form of word) {
        const stem = present.get(form) ?? form
        if (stem !== '') found.add(stem)
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
  return [['title', title], ['names', names], ['tags', tags], ['context', context], ['content', take(row.content)]]
}

/** What each lexeme is worth in the memory. A function of its own words alone. */
export const weightByLexeme = (fields: WordsByField, stems: Stems): ReadonlyMap<string, number> => {
  const frequencies = new Map<string, number>()
  let length = 0
  for (const [field, list] of fields) {
    if (field === 'title' || field === 'content') length += list.length
    for (const word of list) {
      for (const lexeme of stems.lexemes(word)) {
        const before = frequencies.get(lexeme)
        if (before === undefined && frequencies.size >= limits.search_lexemes_per_memory_max) continue
        frequencies.set(lexeme, (before ?? 0) + FIELD_WEIGHT[field])
      }
    }
  }
  return new Map([...frequencies].map(([lexeme, frequency]) => [lexeme, impact(frequency, length)]))
}
