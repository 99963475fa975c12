/**
 * Why a memory was found, as `explain=true` shows it: the words that matched and where, each channel's rank and score, and the
 * small weights. The score is theirs: lexical = words + context + run, or both channels' ranks fused, times 1 + the small weights.
 */
import type { ScoredMemory } from '../ports/projection.ts'
import { languageOf } from './languages.ts'
import { lexemesOf, wordsOf, type Stems } from './lexemes.ts'
import type { Nudged } from './nudge.ts'
import { scoreOf } from './rank.ts'
import type { Query } from './sql.ts'
import type { Term } from './terms.ts'
import { RUN_SHARE } from './weights.ts'

/** @param nudged what `found` were made from, among others. */
export const explained = async (
  query: Query,
  found: readonly ScoredMemory[],
  nudged: readonly Nudged[],
  terms: readonly Term[],
  stems: Stems,
): Promise<readonly ScoredMemory[]> => {
  const fieldsOf = found.map((memory) => wordsOf(memory))
  const languages = await Promise.all(found.map(languageOf))
  await stems.learn(
    query,
    fieldsOf.map((fields, i) => ({
      words: fields.flatMap(([, list]) => list),
      languages: languages[i] === null ? [] : [languages[i]!],
    })),
  )
  const nudgedById = new Map(nudged.map((one) => [one.row.id, one]))
  return found.map((memory, i) => {
    const lexemesByField = fieldsOf[i]!.map(
      ([field, list]) => [field, new Set(list.flatMap((word) => lexemesOf(word, stems, languages[i]!)))] as const,
    )
    const matched = [
      ...matchedWords(terms, (lexeme) => lexemesByField.flatMap(([field, set]) => (set.has(lexeme) ? [field] : []))),
    ]
    const { fused, nudges } = nudgedById.get(memory.id)!
    const lexical =
      fused.lexical === null
        ? null
        : { rank: fused.lexicalRank, score: scoreOf(fused.lexical), words: fused.lexical.own }
    const context =
      fused.lexical === null ? null : { neighbours: fused.lexical.context, run: RUN_SHARE * fused.lexical.whole }
    const vector = fused.vector === null ? null : { rank: fused.vectorRank, distance: fused.vector.distance }
    return { ...memory, explain: { matched, lexical, context, vector, ...nudges } }
  })
}

type Matched = {
  readonly word: string
  readonly fields: readonly string[]
  readonly idf: number
  readonly in_memories: number
  readonly near?: string
}

/** By the question's words: of a compound's lexemes the rarest that matched says how rare. */
function* matchedWords(terms: readonly Term[], fieldsOf: (lexeme: string) => readonly string[]): Generator<Matched> {
  const termsByWord = new Map<string, Term[]>()
  for (const term of terms) termsByWord.set(term.of, [...(termsByWord.get(term.of) ?? []), term])
  for (const [word, list] of termsByWord) {
    const hits = list.flatMap((term) => {
      const fields = fieldsOf(term.lexeme)
      return fields.length === 0 ? [] : [{ term, fields }]
    })
    const [rarest] = hits
    if (rarest === undefined) continue
    const { lexeme, idf, memories, near } = rarest.term
    yield {
      word,
      fields: [...new Set(hits.flatMap(({ fields }) => fields))],
      idf,
      in_memories: memories,
      ...(near ? { near: lexeme } : {}),
    }
  }
}
