/**
 * The lexical channel and its context, in one statement.
 *
 *     own      Σ over the question's words of rarity × impact (`weights.ts`), from the postings
 *     whole    the run as one text: Σ over the words of the best own share of any of its memories
 *     context  what the neighbours in the run lend: a share of their own score
 *
 * score = own + context + RUN_SHARE × whole; a memory without a run is a run of its own.
 *
 * Cost: the rarest words bring the hits, up to a bound; the commoner ones only add to the best of these. A word's newest
 * postings count, up to a bound. Neighbours are looked up for the best forty.
 */
import { limits } from '../../crdt/limits.ts'
import type { Conditions } from './filter.ts'
import type { Query } from './sql.ts'
import type { Term } from './terms.ts'
import { NEIGHBOUR_SHARES, RUN_SHARE } from './weights.ts'

export type Candidate = {
  readonly id: string
  readonly own: number
  readonly context: number
  readonly whole: number
  readonly created: number
}

/** What a candidate has by words alone. */
export const scoreOf = ({ own, context, whole }: Candidate): number => own + context + RUN_SHARE * whole

/**
 * The best candidates, best first, with their neighbours. Neighbours need not satisfy the filter: the reader of the rows checks.
 * @param where filter that hits must satisfy, its parameters numbered from 1; null when every posting of these words does.
 */
export const rank = async (query: Query, terms: readonly Term[], where: Conditions | null, best: number): Promise<readonly Candidate[]> => {
  const { bring, add } = divided(terms)
  const found = await ask(query, bring, add, where, best)
  // The filter may have left few of the rarest words' memories.
  if (found.length < best && add.length > 0 && where !== null) return (await ask(query, terms, [], where, best)).toSorted(byScore)
  return found.toSorted(byScore)
}

const byScore = (a: Candidate, b: Candidate): number => scoreOf(b) - scoreOf(a) || b.created - a.created || (a.id < b.id ? 1 : -1)

/** The rarest terms bring the hits, at least one; the others add. */
const divided = (terms: readonly Term[]): { readonly bring: readonly Term[]; readonly add: readonly Term[] } => {
  let hits = 0
  const end = terms.findIndex((term, i) => {
    hits += term.memories
    return i > 0 && hits > limits.recall_hits_max
  })
  return end === -1 ? { bring: terms, add: [] } : { bring: terms.slice(0, end), add: terms.slice(end) }
}

const ask = (query: Query, bring: readonly Term[], add: readonly Term[], where: Conditions | null, best: number): Promise<readonly Candidate[]> => {
  const params: unknown[] = [...(where?.params ?? [])]
  const place = (value: unknown): string => `$${params.push(value)}`
  const table = (terms: readonly Term[]): string => {
    const rows = terms.flatMap((term, number) => term.ids.map((id) => ({ id, number, worth: term.worth })))
    return `unnest(${place(rows.map(({ id }) => id))}::integer[], ${place(rows.map(({ number }) => number))}::integer[], ${place(rows.map(({ worth }) => worth))}::float8[]) as asked(word, term, worth)`
  }
  const filtered = where === null ? '' : `join memories on memories.no = postings.memory and ${where.sql}`
  const added = add.length === 0 ? '' : `+ coalesce((select sum(postings.weight * asked.worth) from ${table(add)} join postings on postings.word = asked.word and postings.memory = first.memory), 0)`
  const beside = (shares: readonly number[], direction: '>' | '<'): string =>
    `select id, created_ms, placed.own * (${literal(shares)})[row_number() over ()] as lent, placed.whole from (
       select id, created_ms from memories where run = placed.run and not hidden and (ordered_ms, created_ms, id) ${direction} (placed.ordered_ms, placed.created_ms, placed.id)
       order by ordered_ms ${order[direction]}, created_ms ${order[direction]}, id ${order[direction]} limit ${shares.length}) as next`
  return query<Candidate>(
    `with hits as materialized (
       select postings.memory, postings.run, asked.term, postings.weight * asked.worth as value from ${table(bring)} cross join lateral (
         select postings.memory, postings.run, postings.weight from postings ${filtered} where postings.word = asked.word order by postings.memory desc limit ${limits.recall_hits_per_word_max}) as postings),
     owned as (select memory, run, sum(value) as own from hits group by memory, run),
     wholes as (select run, sum(value) as whole from (select run, term, max(value) as value from hits where run is not null group by run, term) as words group by run),
     first as materialized (
       select memory, owned.run, own, coalesce(whole, own) as whole from owned left join wholes on wholes.run = owned.run
       order by own + ${RUN_SHARE} * coalesce(whole, own) desc, memory desc limit ${best}),
     placed as materialized (
       select memories.id, memories.run, memories.ordered_ms, memories.created_ms, first.own ${added} as own, first.whole
       from first join memories on memories.no = first.memory),
     parts as (
       select id, created_ms, own, 0 as lent, whole from placed
       union all select beside.id, beside.created_ms, 0, beside.lent, beside.whole from placed cross join lateral (
         (${beside(NEIGHBOUR_SHARES.after, '>')}) union all (${beside(NEIGHBOUR_SHARES.before, '<')})) as beside)
     select id::text, sum(own)::float8 as own, sum(lent)::float8 as context, max(whole)::float8 as whole, max(created_ms)::float8 as created from parts group by id`, params)
}

const order = { '>': 'asc', '<': 'desc' } as const
const literal = (shares: readonly number[]): string => `array[${shares.join(', ')}]::float8[]`
