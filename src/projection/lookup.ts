/**
 * One look into the inverted index: words by name, how many memories have each, and the postings of the rarest.
 *
 * One statement: which words are rare enough to bring their postings is decided where they are counted, for a question asked in two
 * waits once more for the server. Postings come as two arrays a word.
 */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Conditions } from './filter.ts'
import { unseen, type Query } from './sql.ts'
import { rarityOf } from './weights.ts'

/** More than any weight, which is of two bytes: one number says both memory and weight, so that a third less is gathered and read. */
export const WEIGHTS = 2 ** 15

/** A word of one namespace. `memories`: so many have it. */
export type Found = {
  readonly id: number
  readonly word: string
  readonly memories: number
  /** Whether it is rare enough to bring its postings. */
  readonly brings: boolean
  /** The postings that count, the two arrays side by side; null where there are none. `weighed`: memory × WEIGHTS + weight in steps. `runs`: 0 for a memory without one. */
  readonly hits: { readonly weighed: readonly number[]; readonly runs: readonly number[] } | null
}

/**
 * The rarest words bring their postings, at least one word: until they hold this share of what all words are worth by their rarity,
 * and at most `most` postings; but more where there are less than `least` without. Where no more
 * than `small` memories are searched, all words bring theirs.
 */
export type Bounds = { readonly share: number; readonly most: number; readonly least: number; readonly small: number }

/** How many memories have each of these words, of those that any has. */
export const countsOf = async (
  query: Query,
  lexemes: readonly string[],
  namespace: Namespace | undefined,
): Promise<ReadonlyMap<string, number>> => {
  const rows = await query<{ word: string; memories: number }>(
    `select word, sum(memories)::float8 as memories from words where word = any(${unseen(1, 'text')}) ${namespace === undefined ? '' : 'and namespace = $2::text'} group by word`,
    [lexemes, ...(namespace === undefined ? [] : [namespace])],
  )
  return new Map(rows.map(({ word, memories }) => [word, memories]))
}

/** Which postings of the word `known.id` count: SQL for them, and its parameters, numbered from 1. */
export type Source = { readonly sql: string; readonly params: readonly unknown[] }

/** The newest, of those that satisfy the filter, its parameters numbered from 1; null: of all. */
export const newest = (where: Conditions | null): Source => ({
  sql: `select postings.memory, postings.run, postings.weight from postings ${where === null ? '' : `join memories on memories.no = postings.memory and ${where.sql}`}
    where postings.word = known.id and known.brings order by postings.memory desc limit ${limits.recall_hits_per_word_max}`,
  params: where?.params ?? [],
})

/** Those of these memories: one walk along the word's part of the index, page by page (from Postgres 17 on; a look for each before). @param numbers an array literal. */
export const among = (numbers: string): Source => ({
  sql: 'select postings.memory, postings.run, postings.weight from postings where postings.word = known.id and known.brings and postings.memory = any((select $1::text)::integer[])',
  params: [numbers],
})

type Row = {
  readonly id: number
  readonly word: string
  readonly memories: number
  readonly brings: boolean
  readonly weighed: string | null
  readonly runs: string
}

/** @param namespace undefined: all, each with a word of its own; what a word has in all of them decides whether it is rare. */
export const lookup = async (
  query: Query,
  lexemes: readonly string[],
  namespace: Namespace | undefined,
  source: Source,
  { share, most, least, small }: Bounds,
): Promise<readonly Found[]> => {
  const params: unknown[] = [...source.params]
  const place = (value: unknown, type: string): string => `$${params.push(value)}::${type}`
  const within = namespace === undefined ? 'true' : `namespace = ${place(namespace, 'text')}`
  const rows = await query<Row>(
    `select known.id::float8 as id, known.word, known.memories::float8 as memories, known.brings, hits.* from (
       select *, before = 0 or before < ${place(least, 'float8')} or (worth_before < ${place(share, 'float8')} * worth and before + of_all <= ${place(most, 'float8')})
         or (searched <= ${place(small, 'float8')} and before + of_all <= ${limits.recall_small_hits_max}) as brings from (
         select *, sum(memories) over rarest - of_all as before, sum(idf) over rarest - idf as worth_before, sum(idf) over () as worth from (
           select *, ${rarityOf('of_all', 'searched')} as idf from (
             select id, word, memories, sum(memories) over (partition by word) as of_all from words where word = any(${unseen(params.push(lexemes), 'text')}) and ${within}) as counted,
             (select sum(memories) as searched from spaces where ${within}) as whole) as weighed
         window rarest as (order by of_all, word collate "C")) as ordered) as known
     cross join lateral (
       select array_agg(memory::bigint * ${WEIGHTS} + weight)::text as weighed, array_agg(coalesce(run, 0))::text as runs from (${source.sql}) as found) as hits`,
    params,
  )
  return rows.map(({ id, word, memories, brings, weighed, runs }) => ({
    id,
    word,
    memories,
    brings,
    hits: weighed === null ? null : { weighed: numbersIn(weighed), runs: numbersIn(runs) },
  }))
}

/** `{1,2,3}`: all numbers, so JSON but for the brackets, which is read at a quarter of the time of a driver's array. */
const numbersIn = (literal: string): readonly number[] => JSON.parse(`[${literal.slice(1, -1)}]`) as number[]
