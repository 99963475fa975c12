/**
 * The lexical channel and its context.
 *
 *     own      Σ over the question's words of rarity × impact (`weights.ts`), from the postings
 *     whole    the run as one text: Σ over the words of the best own share of any of its memories
 *     context  what the neighbours in the run lend: a share of their own score
 *
 * score = own + context + RUN_SHARE × whole; a memory without a run is a run of its own.
 *
 * Two statements: the postings of the rarest words, which hold most of the question's worth and are summed here (`lookup.ts`); then the
 * best of them look up what the commoner words add, and their neighbours (as MaxScore does: Turtle, Flood 1995). A word's newest
 * postings count, up to a bound.
 */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Kept } from './filter.ts'
import { carryingOf } from './carrying.ts'
import { among, lookup, newest, type Bounds } from './lookup.ts'
import { nearTo, within } from './near.ts'
import { unseen, type Query } from './sql.ts'
import { bestOf, sumsByPassage, type Summed } from './sums.ts'
import { doubtful, guessed, held, termsOf, wholes, type Question, type Term, type Wanted } from './terms.ts'
import { BROUGHT_SHARE, IMPACT_STEPS, NEAR_WEIGHT, NEIGHBOUR_SHARES, RUN_SHARE, WITHIN_WEIGHT } from './weights.ts'

export type Candidate = { readonly id: string; readonly own: number; readonly context: number; readonly whole: number }

/** What a candidate has by words and context. */
export const scoreOf = ({ own, context, whole }: Candidate): number => own + context + RUN_SHARE * whole

export type Ranked = {
  /** Rarest first. */ readonly terms: readonly Term[]
  /** Best first. */ readonly candidates: readonly Candidate[]
}

export type RankOptions = {
  readonly namespace: Namespace | undefined
  /** Filter that hits must satisfy, its parameters numbered from 1; null when every posting of these words does. */
  readonly kept: Kept | null
  readonly best: number
  /** How many memories with words there are: known while the words are looked up. */
  readonly searched: Promise<number>
  /** The schema of pg_trgm, null without. */
  readonly trigrams: string | null
}

/** The best candidates with their neighbours. Neighbours need not satisfy the filter: whoever reads the rows checks. */
export const rank = async (query: Query, question: Question, options: RankOptions): Promise<Ranked> => {
  const { namespace, kept, best } = options
  const isLong = question.passages > 1
  const { wanted, passages } = isLong ? await carryingOf(query, question, namespace, await options.searched) : question
  const few = kept?.few ?? null
  const source = few === null ? newest(kept) : among(few.numbers)
  const bounds = few === null ? boundsOf(isLong) : filteredBounds(await options.searched, few.count, best)
  const look = async (asked: ReadonlyMap<string, Wanted>, within: Bounds): Promise<readonly Term[]> =>
    asked.size === 0
      ? []
      : termsOf(asked, await lookup(query, [...asked.keys()], namespace, source, within), await options.searched)
  const known = await look(wanted, bounds)
  const near = await nearWords(query, wanted, known, isLong, options)
  const terms = [...known, ...held(await look(near, bounds), known)].sort(byRarity)
  const sums = sumsByPassage(terms, passages)
  const common = terms.filter(({ found }) => found.some(({ brings }) => !brings))
  if (sums.memories.length >= best || common.length === 0)
    return { terms, candidates: await withNeighbours(query, bestOf(sums, best), isLong ? [] : common) }
  // The rarer words bring too few: then the commoner ones bring too.
  const more = await look(new Map(common.map((term) => [term.lexeme, term])), {
    share: 1,
    most: 0,
    least: Number.POSITIVE_INFINITY,
    small,
  })
  return {
    terms,
    candidates: await withNeighbours(query, bestOf(sumsByPassage([...terms, ...more], passages), best), []),
  }
}

/** What was not asked for: the words nearest in spelling to those that nobody has, and, where few memories are searched, those that contain one. */
const nearWords = async (
  query: Query,
  wanted: ReadonlyMap<string, Wanted>,
  known: readonly Term[],
  isLong: boolean,
  { namespace, trigrams, searched, best }: RankOptions,
): Promise<ReadonlyMap<string, Wanted>> => {
  // A long question has words enough that are spelt right, and many that nobody's memory has.
  if (trigrams === null || isLong) return new Map()
  const ofByLexeme = wholes(wanted, known, best)
  const [similar, containing] = await Promise.all([
    nearTo(query, doubtful(wanted, known), namespace, trigrams),
    (await searched) <= limits.recall_small_memories_max ? within(query, [...ofByLexeme.keys()], namespace) : [],
  ])
  return new Map([
    ...guessed(
      containing.map((one) => ({ ...one, of: ofByLexeme.get(one.of) ?? one.of })),
      wanted,
      WITHIN_WEIGHT,
    ),
    ...guessed(similar, wanted, NEAR_WEIGHT),
  ])
}

const small = limits.recall_small_memories_max

const boundsOf = (isLong: boolean): Bounds =>
  isLong
    ? { share: 1, most: limits.recall_long_hits_max, least: 0, small }
    : { share: BROUGHT_SHARE, most: limits.recall_hits_max, least: 0, small }

/** A filter passes over most hits: so many that, by its share of all, enough are left. Asking once more takes longer. @param left how many memories it leaves. */
const filteredBounds = (searched: number, left: number, best: number): Bounds => ({
  share: 1,
  most: limits.recall_filtered_hits_max,
  least: (limits.recall_filtered_margin * best * searched) / left,
  small,
})

const byRarity = (a: Term, b: Term): number => a.memories - b.memories || (a.lexeme < b.lexeme ? -1 : 1)
/** Equals stay as they come: newest first. */
const byScore = (a: Candidate, b: Candidate): number => scoreOf(b) - scoreOf(a)

/** `after`, `before`: ids of the neighbours, nearest first, as array literals. */
type Placed = {
  readonly at: number
  readonly id: string
  readonly common: number
  readonly after: string
  readonly before: string
}

/** Best first. @param add words whose shares are only now added. */
const withNeighbours = async (
  query: Query,
  best: readonly Summed[],
  add: readonly Term[],
): Promise<readonly Candidate[]> => {
  if (best.length === 0) return []
  const params: unknown[] = [best.map(({ memory }) => memory)]
  const added = add.flatMap(({ found, worth }) => found.map(({ id }) => ({ id, worth: worth / IMPACT_STEPS })))
  const common =
    added.length === 0
      ? '0'
      : `coalesce((select sum(postings.weight * asked.worth) from unnest(${unseen(2, 'integer')}, ${unseen(3, 'float8')}) as asked(word, worth)
    join postings on postings.word = asked.word and postings.memory = best.memory), 0)`
  if (added.length > 0)
    params.push(
      added.map(({ id }) => id),
      added.map(({ worth }) => worth),
    )
  const beside = (shares: readonly number[], sign: '>' | '<', order: 'asc' | 'desc'): string =>
    `array(
       select id from memories as other where run = placed.run and not hidden and (ordered_ms, created_ms, id) ${sign} (placed.ordered_ms, placed.created_ms, placed.id)
       order by ordered_ms ${order}, created_ms ${order}, id ${order} limit ${shares.length})::text`
  const rows = await query<Placed>(
    `select best.at::float8 as at, placed.id::text as id, ${common}::float8 as common, ${beside(NEIGHBOUR_SHARES.after, '>', 'asc')} as after, ${beside(NEIGHBOUR_SHARES.before, '<', 'desc')} as before
     from unnest(${unseen(1, 'integer')}) with ordinality as best(memory, at) join memories as placed on placed.no = best.memory`,
    params,
  )
  const candidates = new Map<string, { id: string; own: number; context: number; whole: number }>()
  const lend = (id: string, own: number, context: number, whole: number): void => {
    const before = candidates.get(id)
    if (before === undefined) candidates.set(id, { id, own, context, whole })
    else {
      before.own += own
      before.context += context
    }
  }
  // A plan may join in any order, and equals stay as they come.
  for (const { at, id, common: more, after, before } of rows.toSorted((a, b) => a.at - b.at)) {
    const { own, whole } = best[at - 1]!
    lend(id, own + more, 0, whole)
    for (const [ids, shares] of [
      [after, NEIGHBOUR_SHARES.after],
      [before, NEIGHBOUR_SHARES.before],
    ] as const) {
      if (ids !== '{}')
        ids
          .slice(1, -1)
          .split(',')
          .forEach((neighbour, i) => lend(neighbour, 0, (own + more) * shares[i]!, whole))
    }
  }
  return [...candidates.values()].sort(byScore)
}
