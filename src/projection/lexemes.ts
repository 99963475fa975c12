/**
 * From words to what Postgres searches: `tsvector` literals for memories, `tsquery` literals for queries.
 *
 * Every form is indexed as it stands and, where it is plain English letters, by its stem (Postgres' own Snowball dictionary).
 * What that dictionary calls a stop word is left out on both sides, which is why a query of stop words has no words.
 *
 * Weights name fields: A title, B tags, C agent and run, D content.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow } from '../ports.ts'
import type { Query } from './sql.ts'
import { words, type Word } from './words.ts'

export type Stems = {
  /** Looks up in the dictionary, in one statement, what of these texts' words is not known yet. */
  learn(query: Query, of: readonly Word[]): Promise<void>
  /** The word's lexemes: its forms and their stems; none for a stop word. */
  lexemes(word: Word): readonly string[]
}

/** Field weights in Postgres' order {D, C, B, A}. */
export const FIELD_WEIGHTS = '{0.4,0.3,0.7,1.0}'

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
        if (stem === '') continue
        found.add(form)
        found.add(stem)
      }
      return [...found]
    },
  }
}

export type WordsByField = readonly (readonly [weight: string, words: readonly Word[]])[]

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
  return [['A', title], ['C', names], ['B', row.tags.flatMap(take)], ['D', take(row.content)]]
}

/** A `tsvector` literal: `'lexeme':1A,7 …`. */
export const vectorOf = (fields: WordsByField, stems: Stems): string => {
  const placesByLexeme = new Map<string, string>()
  let position = 0
  let bytes = 0
  for (const [weight, list] of fields) {
    for (const word of list) {
      position++
      for (const lexeme of stems.lexemes(word)) {
        const before = placesByLexeme.get(lexeme)
        bytes += before === undefined ? Buffer.byteLength(lexeme) + 8 : 2
        if (bytes > limits.search_vector_bytes_max) return literal(placesByLexeme)
        placesByLexeme.set(lexeme, before === undefined ? `${position}${weight}` : `${before},${position}${weight}`)
      }
    }
  }
  return literal(placesByLexeme)
}

const literal = (placesByLexeme: ReadonlyMap<string, string>): string => {
  let text = ''
  for (const [lexeme, places] of placesByLexeme) text += `${quoted(lexeme)}:${places} `
  return text
}

/** A `tsquery` literal that any of the lexemes satisfies. */
export const anyOf = (lexemes: readonly string[]): string => lexemes.map(quoted).join(' | ')

/** Words hold no quotes; quoting does not rely on it. */
const quoted = (lexeme: string): string => `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
