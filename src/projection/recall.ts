/**
 * Recall: a question in, the few memories that matter out, with why.
 *
 * Channels: lexical with its context (`rank.ts`) and, when the question came with a vector and the rows have some, the nearest
 * vectors. One channel's score is the answer's; two are fused by reciprocal ranks, so that neither's scale matters, and what
 * either found stays: no threshold of one cuts a hit of the other. Then recency, confidence and priority break near-ties.
 */
import type { Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type {
  FrontierForm,
  MemoryRow,
  ProjectionCursor,
  RecallAnswer,
  RecallQuery,
  Reflects,
} from '../ports/projection.ts'
import { reflectsOf } from './cursor.ts'
import { explained } from './explain.ts'
import { bounded, conditions, keptBy, narrows, type Conditions, type Kept } from './filter.ts'
import { fuse, type Fused } from './fuse.ts'
import type { Languages } from './languages.ts'
import type { Stems } from './lexemes.ts'
import { listMemories } from './list.ts'
import { nudge } from './nudge.ts'
import { rank, type Candidate, type Ranked } from './rank.ts'
import { unseen, type Query } from './sql.ts'
import { questionOf, type Question } from './terms.ts'
import { timeOf } from './times.ts'
import { withinTokens } from './tokens.ts'
import type { Near, Nearest } from './vectors.ts'

export type RecallTools = {
  readonly stems: Stems
  readonly languages: Languages
  /** The schema of pg_trgm, null without. */
  readonly trigrams: string | null
  /** Null without pgvector. */
  readonly nearest: Nearest | null
}

type Found = { readonly row: MemoryRow; readonly fused: Fused }

/** @param beside for what need not be of the same moment: a search of vectors, which lag behind their texts anyway. */
export const recall = async (
  query: Query,
  beside: Query,
  asked: RecallQuery,
  now: string,
  form: FrontierForm | undefined,
  { stems, languages, trigrams, nearest }: RecallTools,
): Promise<RecallAnswer> => {
  const limit = bounded(asked.limit, limits.recall_limit_max)
  const nowMs = timeOf(now, 'now')
  const where = conditions(asked, nowMs)
  const asksFilter = (): Promise<Kept> => keptBy(query, asked, where, nowMs)
  const best = Math.max(limits.recall_candidates_min, limit + limits.recall_candidates_spare)
  // Together, as far as one does not wait for the other: a server is asked in fewer round trips.
  const standing = standingOf(query, asked.namespace, form)
  const searched = standing.then((found) => found.searched)
  const narrowed = narrows(asked) ? asksFilter() : Promise.resolve(null)
  const nearby = async (): Promise<readonly Near[]> => {
    const { vector, space } = asked
    if (nearest === null || vector === undefined || space === undefined) return []
    // A namespace is a filter too, for vectors: their index knows of none.
    const kept =
      (await narrowed) ??
      ((await searched) <= limits.recall_filtered_memories_max ? await asksFilter() : { ...where, few: null })
    return nearest(beside, space, vector, best, kept)
  }
  const lexical = (question: Question, kept: Kept | null): Promise<Ranked> =>
    rank(query, question, { namespace: asked.namespace, kept, best, searched, trigrams })
  const worded = async (): Promise<Ranked & { readonly question: Question }> => {
    const question = await questionOf(query, asked.q, stems, [...languages.met])
    return question.wanted.size === 0
      ? { question, terms: [], candidates: [] }
      : { question, ...(await lexical(question, await narrowed)) }
  }
  const [{ shows }, near, words] = await Promise.all([standing, nearby(), worded(), searched, narrowed])
  const mode = near.length > 0 ? 'hybrid' : 'lexical'
  if (words.question.wanted.size === 0 && near.length === 0) {
    const { rows } = await listMemories(query, asked, { limit, now })
    return {
      memories: withinTokens(
        rows.map((row) => ({ ...row, score: 0 })),
        asked.max_tokens,
      ),
      mode,
      ...shows,
    }
  }
  const show = (candidates: readonly Candidate[], likely: boolean): Promise<readonly Found[]> =>
    shown(query, fuse(candidates, near), where, limit + limits.recall_candidates_spare, likely)
  let found = await show(words.candidates, !narrows(asked))
  // What has expired is among the hits as long as nothing is asked of them; it must not crowd out what has not.
  if (found.length < limit && !narrows(asked) && words.question.wanted.size > 0 && (await expires(query)))
    found = await show((await lexical(words.question, await asksFilter())).candidates, false)
  const nudged = nudge(found, Date.parse(now)).slice(0, limit)
  // A new field before what is spread: behind it, V8 of Node 20 keeps the rows until a full collection.
  const filled = withinTokens(
    nudged.map(({ row, score }) => ({ score, ...row })),
    asked.max_tokens,
  )
  if (asked.explain !== true) return { memories: filled, mode, ...shows }
  return { memories: await explained(query, filled, nudged, words.terms, stems), mode, ...shows }
}

type Standing = {
  readonly shows: Reflects
  /** Memories with words, of that namespace or of all. */ readonly searched: number
}

/** What the rows reflect, and how many there are to search. */
const standingOf = async (
  query: Query,
  namespace: Namespace | undefined,
  form: FrontierForm | undefined,
): Promise<Standing> => {
  const [row] = await query<
    { [Field in keyof ProjectionCursor]: ProjectionCursor[Field] | null } & {
      readonly token: string
      readonly searched: number | null
    }
  >(
    `select epoch, revision::float8 as revision, arrival::float8 as arrival, token,
       (select sum(memories) from spaces ${namespace === undefined ? '' : 'where namespace = $1::text'})::float8 as searched
     from (select 1) as one left join cursor on true`,
    namespace === undefined ? [] : [namespace],
  )
  const { epoch = null, revision = null, arrival = null, token = '', searched = null } = row ?? {}
  const at = epoch === null || revision === null || arrival === null ? null : { epoch, revision, arrival, token }
  return { shows: await reflectsOf(query, at, form), searched: searched ?? 0 }
}

const expires = async (query: Query): Promise<boolean> => {
  const [row] = await query<{ some: boolean }>(
    'select exists (select 1 from memories where expires_ms is not null and not hidden) as some',
  )
  return row?.some === true
}

/** The rows of the first `most` that may be seen, in their order. @param likely whether nearly all may, so that no more need be asked for. */
const shown = async (
  query: Query,
  ranked: readonly Fused[],
  where: Conditions,
  most: number,
  likely: boolean,
): Promise<readonly Found[]> => {
  const found: Found[] = []
  const step = likely ? most : ranked.length
  for (let at = 0; at < ranked.length && found.length < most; at += step) {
    const part = ranked.slice(at, at + step)
    const rows = await query<{ row: string }>(
      // Looked up one by one, then tested: the planner would rather read a namespace through (2.4 against 0.5 ms of 10,000).
      `select row from (select * from memories where id = any(${unseen(where.params.length + 1, 'uuid')}) offset 0) as found where ${where.sql}`,
      [...where.params, part.map(({ id }) => id)],
    )
    const rowById = new Map<string, MemoryRow>()
    for (const { row: text } of rows) {
      const row = JSON.parse(text) as MemoryRow
      rowById.set(row.id, row)
    }
    for (const fused of part) {
      const row = rowById.get(fused.id)
      if (row !== undefined) found.push({ row, fused })
    }
  }
  return found
}
