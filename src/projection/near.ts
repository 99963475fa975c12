/**
 * Words of the index that are spelt nearly like asked ones, by trigrams (pg_trgm). A database without that extension, or without the
 * right to make it, searches without: whoever misspells a word then finds only what the other words find.
 */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { attempted, extension } from './extension.ts'
import type { Query } from './sql.ts'
import { NEAR_LETTERS_MIN, NEAR_SIMILARITY_MIN } from './weights.ts'

export type Near = {
  /** The word that was asked for. */
  readonly of: string
  readonly word: string
  /** Share of trigrams in common, 0 … 1. */
  readonly similarity: number
}

/** The nearest words of each. @param trigrams the extension's schema, as an identifier. */
export const nearTo = async (query: Query, asked: readonly string[], namespace: Namespace | undefined, trigrams: string): Promise<readonly Near[]> => {
  const worth = asked.filter((word) => word.length >= NEAR_LETTERS_MIN).slice(0, limits.recall_near_words_max)
  if (worth.length === 0) return []
  return query<Near>(
    `select asked.word as of, near.* from unnest($1::text[]) as asked(word) cross join lateral (
       select words.word, ${trigrams}.similarity(words.word, asked.word)::float8 as similarity from words
       where words.word operator(${trigrams}.%) asked.word and words.word <> asked.word ${namespace === undefined ? '' : 'and namespace = $2::text'}
       group by words.word order by similarity desc, words.word collate "C" limit ${limits.recall_near_each_max}) as near
     where near.similarity >= ${NEAR_SIMILARITY_MIN}`,
    [worth, ...(namespace === undefined ? [] : [namespace])])
}

/** Makes the extension and its index where that is allowed. Answers its schema as an identifier, null when it is not to be had. */
export const prepareTrigrams = async (query: Query): Promise<string | null> => {
  const found = await extension(query, 'pg_trgm')
  if (found === null) return null
  const indexed = await attempted(query, `create index if not exists words_near on words using gin (word ${found.schema}.gin_trgm_ops)`)
  return indexed ? found.schema : null
}
