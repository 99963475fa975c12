/**
 * The lexical channel and its context.
 *
 *     own      Σ over the question's words of rarity × impact (`weights.ts`), from the postings
 *     whole    the run as one text: Σ over the words of the best own share of any of its memories
 *     context  what the neighbours in the run lend: a share of their own score
 *
 * score = own + context + RUN_SHARE × whole; a memory without a run is a run of its own.
 *
 * Two statements: the postings come as one array a word and are summed here; then the best look up their neighbours. The rarest words bring the hits, up to a bound; the commoner ones only add to
 * the best of these. A word's newest postings count, up to a bound.
 */
import { limits } from '../../crdt/limits.ts'
import type { Conditions, Kept } from './filter.ts'
import { unseen, type Query } from './sql.ts'
import type { Term } from './terms.ts'
import { NEIGHBOUR_SHARES, RUN_SHARE } from './weights.ts'

export type Candidate = {
  readonly id: string
  readonly own: number
  readonly context: number
  readonly whole: number
}

/** What a candidate has by words and context. */
export const scoreOf = ({ own, context, whole }: Candidate): number => own + context + RUN_SHARE * whole

/**
 * The best candidates, best first, with their neighbours. Neighbours need not satisfy the filter: whoever reads the rows checks.
 * @param kept filter that hits must satisfy, its parameters numbered from 1; null when every posting of these words does.
 * @param searched how many memories with words there are.
 */
export const rank = async (query: Query, terms: readonly Term[], kept: Kept | null, best: number, searched: number): Promise<readonly Candidate[]> => {
  const few = kept?.few ?? null
  const source = few === null ? newest(kept) : among(few.numbers)
  // A filter passes over most hits: so many that, by its share of all, enough are left. Asking once more takes longer.
  const { bring, add } = few === null ? divided(terms, limits.recall_hits_max, 0) : divided(terms, limits.recall_filtered_hits_max, (limits.recall_filtered_margin * best * searched) / few.count)
  const sums: Sums = { byMemory: new Map(), wholeByRun: new Map() }
  await addHits(query, bring, source, sums)
  // Under a filter the rarer words may bring too few: then the commoner ones bring too.
  if (kept === null || sums.byMemory.size >= best || add.length === 0) return ranked(query, bestOf(sums, best), add)
  await addHits(query, add, source, sums)
  return ranked(query, bestOf(sums, best), [])
}

const ranked = async (query: Query, best: readonly Summed[], add: readonly Term[]): Promise<readonly Candidate[]> => (await withNeighbours(query, best, add)).toSorted(byScore)

/** Equals stay as they come: newest first. */
const byScore = (a: Candidate, b: Candidate): number => scoreOf(b) - scoreOf(a)

/** The rarest terms bring the hits, at least one, and more than `hitsMax` where there are less than `hitsMin` without; the others add. */
const divided = (terms: readonly Term[], hitsMax: number, hitsMin: number): { readonly bring: readonly Term[]; readonly add: readonly Term[] } => {
  let hits = 0
  const end = terms.findIndex(({ memories }, i) => {
    if (i > 0 && hits >= hitsMin && hits + memories > hitsMax) return true
    hits += memories
    return false
  })
  return end === -1 ? { bring: terms, add: [] } : { bring: terms.slice(0, end), add: terms.slice(end) }
}

type Sums = { readonly byMemory: Map<number, Summed>; /** The run read as one text, of the words so far. */ readonly wholeByRun: Map<number, number> }
/** `run`: its number, 0 when the memory has none. */
type Summed = { readonly memory: number; readonly run: number; own: number; whole: number }
/** The postings of one term, as array literals. */
type Hits = { readonly term: number; readonly memories: string; readonly runs: string; readonly weights: string }

/** Which postings of `asked.word` count: SQL for them, and its parameters, numbered from 1. */
type Source = { readonly sql: string; readonly params: readonly unknown[] }

/** The newest, of those that satisfy the filter. */
const newest = (where: Conditions | null): Source => ({
  sql: `select postings.memory, postings.run, postings.weight from postings ${where === null ? '' : `join memories on memories.no = postings.memory and ${where.sql}`}
    where postings.word = asked.word order by postings.memory desc limit ${limits.recall_hits_per_word_max}`,
  params: where?.params ?? [],
})

/** Those of these memories: one walk along the word's part of the index, page by page (from Postgres 17 on; a look for each before). */
const among = (numbers: string): Source => ({
  sql: 'select postings.memory, postings.run, postings.weight from postings where postings.word = asked.word and postings.memory = any((select $1::text)::integer[])',
  params: [numbers],
})

/** Adds what these words are worth in each memory that has one of them. */
const addHits = async (query: Query, terms: readonly Term[], source: Source, { byMemory, wholeByRun }: Sums): Promise<void> => {
  const params: unknown[] = [...source.params]
  const numbered = terms.flatMap((term, number) => term.ids.map((id) => ({ id, number })))
  const asked = `unnest(${unseen(params.push(numbered.map(({ id }) => id)), 'integer')}, ${unseen(params.push(numbered.map(({ number }) => number)), 'integer')}) as asked(word, term)`
  const hits = await query<Hits>(
    `select asked.term::float8 as term, hits.* from ${asked} cross join lateral (
       select array_agg(memory)::text as memories, array_agg(coalesce(run, 0))::text as runs, array_agg(weight)::text as weights from (${source.sql}) as found) as hits
     where hits.memories is not null`, params)
  for (const { term, memories, runs, weights } of hits) {
    const { worth } = terms[term]!
    const mostByRun = new Map<number, number>()
    const [ofRun, ofWeight] = [numbersIn(runs), numbersIn(weights)]
    numbersIn(memories).forEach((memory, i) => {
      const run = ofRun[i]!
      const value = ofWeight[i]! * worth
      const summed = byMemory.get(memory)
      if (summed === undefined) byMemory.set(memory, { memory, run, own: value, whole: 0 })
      else summed.own += value
      if (run !== 0 && value > (mostByRun.get(run) ?? 0)) mostByRun.set(run, value)
    })
    for (const [run, most] of mostByRun) wholeByRun.set(run, (wholeByRun.get(run) ?? 0) + most)
  }
}

/** The best of them, best first, at most `most`. */
const bestOf = ({ byMemory, wholeByRun }: Sums, most: number): readonly Summed[] => {
  const summed = [...byMemory.values()]
  for (const one of summed) one.whole = wholeByRun.get(one.run) ?? one.own
  return firstOf(summed, most)
}

const sumOf = ({ own, whole }: Summed): number => own + RUN_SHARE * whole

/** Among equals the newest. Where the last of them stands is found before any is moved: sorting all costs five times that. */
const firstOf = (summed: readonly Summed[], most: number): readonly Summed[] => {
  const least = summed.length > most ? Float64Array.from(summed, sumOf).sort().at(-most)! : Number.NEGATIVE_INFINITY
  return summed.filter((one) => sumOf(one) >= least).sort((a, b) => sumOf(b) - sumOf(a) || b.memory - a.memory).slice(0, most)
}

/** `{1,2,3}`: all numbers, so JSON but for the brackets, which is read at a quarter of the time of a driver's array. */
const numbersIn = (literal: string): readonly number[] => JSON.parse(`[${literal.slice(1, -1)}]`) as number[]

/** `after`, `before`: ids of the neighbours, nearest first, as array literals. */
type Placed = { readonly at: number; readonly id: string; readonly common: number; readonly after: string | null; readonly before: string | null }

const withNeighbours = async (query: Query, best: readonly Summed[], add: readonly Term[]): Promise<readonly Candidate[]> => {
  if (best.length === 0) return []
  const params: unknown[] = [best.map(({ memory }) => memory)]
  const added = add.flatMap((term) => term.ids.map((id) => ({ id, worth: term.worth })))
  const common = added.length === 0 ? '0' : `coalesce((select sum(postings.weight * asked.worth) from unnest(${unseen(2, 'integer')}, ${unseen(3, 'float8')}) as asked(word, worth)
    join postings on postings.word = asked.word and postings.memory = best.memory), 0)`
  if (added.length > 0) params.push(added.map(({ id }) => id), added.map(({ worth }) => worth))
  const beside = (shares: readonly number[], sign: '>' | '<', order: 'asc' | 'desc'): string =>
    `(select array_agg(id)::text from (
       select id from memories as other where run = placed.run and not hidden and (ordered_ms, created_ms, id) ${sign} (placed.ordered_ms, placed.created_ms, placed.id)
       order by ordered_ms ${order}, created_ms ${order}, id ${order} limit ${shares.length}) as nearest)`
  const rows = await query<Placed>(
    `select best.at::float8 as at, placed.id::text as id, ${common}::float8 as common, ${beside(NEIGHBOUR_SHARES.after, '>', 'asc')} as after, ${beside(NEIGHBOUR_SHARES.before, '<', 'desc')} as before
     from unnest(${unseen(1, 'integer')}) with ordinality as best(memory, at) join memories as placed on placed.no = best.memory`, params)
  const candidates = new Map<string, { id: string; own: number; context: number; whole: number }>()
  const lend = (id: string, own: number, context: number, whole: number): void => {
    const before = candidates.get(id)
    if (before === undefined) candidates.set(id, { id, own, context, whole })
    else {
      before.own += own
      before.context += context
    }
  }
  for (const { at, id, common: more, after, before } of rows) {
    const { own, whole } = best[at - 1]!
    lend(id, own + more, 0, whole)
    for (const [ids, shares] of [[after, NEIGHBOUR_SHARES.after], [before, NEIGHBOUR_SHARES.before]] as const) {
      ids?.slice(1, -1).split(',').forEach((neighbour, i) => lend(neighbour, 0, (own + more) * shares[i]!, whole))
    }
  }
  return [...candidates.values()]
}
