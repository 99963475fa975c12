/**
 * Lexical recall: any word may match, the rarer and the more prominent the better.
 *
 * score = Σ over the query's words of idf × tf, as in BM25 (Robertson, Zaragoza 2009): idf = ln(1 + (N − n + ½) / (n + ½)), and
 * for tf Postgres' `ts_rank` of that word alone, which saturates with repetition, weighs fields (title over tags over names
 * over content) and is divided by 1 + ln(length). A word's forms and stem count together as one, so that an inflected word
 * weighs no more than another; the exact form beats the stem.
 *
 * Cost: rarity is counted up to a bound, and when the rarer words alone match plenty, rows that only the commonest words match
 * are not ranked; if the filters then leave too few, they are.
 */
import { limits } from '../../crdt/limits.ts'
import type { MemoryRow, RecallAnswer, RecallQuery, ScoredMemory } from '../ports.ts'
import { readCursor } from './cursor.ts'
import { bounded, conditions, timeOf, type Conditions } from './filter.ts'
import { anyOf, FIELD_WEIGHTS, wordsOf, type Stems } from './lexemes.ts'
import { listMemories } from './list.ts'
import type { Query } from './sql.ts'
import { words, type Word } from './words.ts'

/** A word of the query that is not a stop word. `rows`: how many memories have it, counted up to a bound. */
type Term = { readonly text: string; readonly lexemes: readonly string[]; readonly rows: number; readonly idf: number }
type Ranked = { readonly row: string; readonly score: number }

/** Divides by 1 + ln(length): long texts match more words by chance. */
const NORMALIZATION = 1

export const recall = async (query: Query, asked: RecallQuery, now: string, stems: Stems): Promise<RecallAnswer> => {
  const frontier = (await readCursor(query))?.frontier ?? {}
  const limit = bounded(asked.limit, limits.recall_limit_max)
  const terms = await termsOf(query, asked.q, stems)
  const found = terms.length === 0 ? await newest(query, asked, limit, now) : await ranked(query, asked, limit, now, terms)
  const fitting = asked.max_tokens === undefined ? found : fill(found, asked.max_tokens)
  const memories = asked.explain === true ? await explained(query, fitting, terms, stems) : fitting
  return { memories, mode: 'lexical', frontier }
}

/** The query's words with their rarity, rarest first. */
const termsOf = async (query: Query, text: string, stems: Stems): Promise<readonly Term[]> => {
  const asked = new Map<string, Word>()
  for (const word of words(text, 'query')) {
    if (asked.size >= limits.recall_words_max) break
    asked.set(word[0]!, word)
  }
  await stems.learn(query, [...asked.values()])
  const lexemesByText = new Map<string, readonly string[]>()
  for (const [whole, word] of asked) {
    const lexemes = stems.lexemes(word)
    if (lexemes.length > 0) lexemesByText.set(whole, lexemes)
  }
  if (lexemesByText.size === 0) return []
  const counted = await query<{ total: number | null; rows: number }>(
    `select (select memories from cursor)::float8 as total,
            (select count(*) from (select 1 from memories where search @@ term::tsquery limit $2) as counted)::float8 as rows
     from unnest($1::text[]) with ordinality as asked(term, place) order by place`,
    [[...lexemesByText.values()].map(anyOf), limits.recall_count_rows_max])
  const terms = [...lexemesByText].map(([whole, lexemes], i): Term => {
    const { total, rows } = counted[i]!
    return { text: whole, lexemes, rows, idf: Math.log(1 + (Math.max(total ?? 0, rows) - rows + 0.5) / (rows + 0.5)) }
  })
  return terms.sort((a, b) => a.rows - b.rows || (a.text < b.text ? -1 : 1))
}

const newest = async (query: Query, asked: RecallQuery, limit: number, now: string): Promise<readonly ScoredMemory[]> => {
  const { rows } = await listMemories(query, asked, { limit, now })
  return rows.map((row) => ({ ...row, score: 0 }))
}

const ranked = async (query: Query, asked: RecallQuery, limit: number, now: string, terms: readonly Term[]): Promise<readonly ScoredMemory[]> => {
  const where = conditions(asked, timeOf(now, 'now'))
  const selective = rarer(terms)
  let rows = await rank(query, where, limit, terms, selective)
  if (rows.length < limit && selective.length < terms.length) rows = await rank(query, where, limit, terms, terms)
  return rows.map(({ row, score }) => ({ ...(JSON.parse(row) as MemoryRow), score }))
}

/** The rarest terms that match enough rows together; all of them when they match no more than can be ranked. */
const rarer = (terms: readonly Term[]): readonly Term[] => {
  let rows = 0
  const end = terms.findIndex((term) => {
    if (rows >= limits.recall_ranked_rows_min && rows + term.rows > limits.recall_ranked_rows_max) return true
    rows += term.rows
    return false
  })
  return end === -1 ? terms : terms.slice(0, end)
}

/** @param having terms of which a row has at least one. */
const rank = (query: Query, where: Conditions, limit: number, terms: readonly Term[], having: readonly Term[]): Promise<readonly Ranked[]> => {
  const params: unknown[] = [...where.params]
  const place = (value: unknown): string => `$${params.push(value)}`
  const any = place(anyOf(having.flatMap((term) => term.lexemes)))
  const score = terms.map((term) =>
    `${place(term.idf)}::float8 * ts_rank('${FIELD_WEIGHTS}'::real[], search, ${place(anyOf(term.lexemes))}::tsquery, ${NORMALIZATION})`)
  return query<Ranked>(
    `select row, score from (
       select row, created_ms, id, ${score.join(' + ')} as score from memories where search @@ ${any}::tsquery and ${where.sql}
     ) as matching order by score desc, created_ms desc, id desc limit ${limit}`, params)
}

/** Takes rows in rank order as long as they fit; at least one. A token is estimated at four bytes. */
const fill = (found: readonly ScoredMemory[], tokensMax: number): readonly ScoredMemory[] => {
  let left = tokensMax
  return found.filter((memory, i) => {
    const tokens = Math.ceil((Buffer.byteLength(memory.title ?? '') + Buffer.byteLength(memory.content ?? '')) / 4)
    if (tokens > left && i > 0) return false
    left -= tokens
    return true
  })
}

const FIELD_BY_WEIGHT: Readonly<Record<string, string>> = { A: 'title', B: 'tags', C: 'names', D: 'content' }

/** Adds to each row which words matched, in which fields, and how rare they are. */
const explained = async (query: Query, found: readonly ScoredMemory[], terms: readonly Term[], stems: Stems): Promise<readonly ScoredMemory[]> => {
  const fieldsOf = found.map((memory) => wordsOf(memory))
  await stems.learn(query, fieldsOf.flatMap((fields) => fields.flatMap(([, list]) => list)))
  return found.map((memory, i) => {
    const lexemesByField = fieldsOf[i]!.map(([weight, list]) => [FIELD_BY_WEIGHT[weight]!, new Set(list.flatMap((word) => stems.lexemes(word)))] as const)
    const matched = terms.flatMap(({ text, lexemes, rows, idf }) => {
      const fields = lexemesByField.filter(([, set]) => lexemes.some((lexeme) => set.has(lexeme))).map(([field]) => field)
      return fields.length === 0 ? [] : [{ word: text, fields, idf, in_memories: rows }]
    })
    return { ...memory, explain: { matched } }
  })
}
