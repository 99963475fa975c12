/**
 * Words of the index that are spelt nearly like asked ones, by trigrams (pg_trgm). A database without that extension, or without the
 * right to make it, searches without: whoever misspells a word then finds only what the other words find.
 */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { attempted, extension } from './extension.ts'
import type { Query } from './sql.ts'
import { FURTHER } from './lexemes.ts'
import {
  NEAR_LETTERS_MIN,
  NEAR_SIMILARITY_MIN,
  WITHIN_END_LETTERS,
  WITHIN_LETTERS_MIN,
  WITHIN_SHARE_MIN,
  WITHIN_SHORTENED_MIN,
} from './weights.ts'

export type Near = {
  /** The word that was asked for. */
  readonly of: string
  readonly word: string
  /** Share of trigrams in common, 0 … 1. */
  readonly similarity: number
}

/** The nearest words of each. @param trigrams the extension's schema, as an identifier. */
export const nearTo = async (
  query: Query,
  asked: readonly string[],
  namespace: Namespace | undefined,
  trigrams: string,
): Promise<readonly Near[]> => {
  const worth = asked.filter((word) => word.length >= NEAR_LETTERS_MIN).slice(0, limits.recall_near_words_max)
  if (worth.length === 0) return []
  return query<Near>(
    `select asked.word as of, near.* from unnest($1::text[]) as asked(word) cross join lateral (
       select words.word, ${trigrams}.similarity(words.word, asked.word)::float8 as similarity from words
       where words.word operator(${trigrams}.%) asked.word and words.word <> asked.word and left(words.word, 1) <> '${FURTHER}' ${namespace === undefined ? '' : 'and namespace = $2::text'}
       group by words.word order by similarity desc, words.word collate "C" limit ${limits.recall_near_each_max}) as near
     where near.similarity >= ${NEAR_SIMILARITY_MIN}`,
    [worth, ...(namespace === undefined ? [] : [namespace])],
  )
}

/** Words that have an asked one in them, but for the end of a longer one: compounds, other forms. `similarity`: how much of them that is. */
export const within = async (
  query: Query,
  asked: readonly string[],
  namespace: Namespace | undefined,
): Promise<readonly Near[]> => {
  const worth = asked
    .filter((word) => word.length >= WITHIN_LETTERS_MIN)
    .sort((a, b) => b.length - a.length)
    .slice(0, limits.recall_within_words_max)
  if (worth.length === 0) return []
  const parts = worth.map((word) => (word.length >= WITHIN_SHORTENED_MIN ? word.slice(0, -WITHIN_END_LETTERS) : word))
  return query<Near>(
    `select asked.word as of, near.* from unnest($1::text[], $2::text[]) as asked(word, part) cross join lateral (
       select words.word, char_length(asked.part)::float8 / char_length(words.word) as similarity from words
       where words.word like '%' || replace(replace(asked.part, '\\', '\\\\'), '_', '\\_') || '%' and words.word <> asked.word and left(words.word, 1) <> '${FURTHER}' ${namespace === undefined ? '' : 'and namespace = $3::text'}
       group by words.word order by similarity desc, words.word collate "C" limit ${limits.recall_within_each_max}) as near
     where near.similarity >= ${WITHIN_SHARE_MIN}`,
    [worth, parts, ...(namespace === undefined ? [] : [namespace])],
  )
}

/** Makes the extension and its index where that is allowed. Answers its schema as an identifier, null when it is not to be had. */
export const prepareTrigrams = async (query: Query): Promise<string | null> => {
  const found = await extension(query, 'pg_trgm')
  if (found === null) return null
  const indexed = await attempted(
    query,
    `create index if not exists words_near on words using gin (word ${found.schema}.gin_trgm_ops)`,
  )
  return indexed ? found.schema : null
}
