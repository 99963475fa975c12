/**
 * A memory filter as SQL: conditions over `memories` and their parameters. Values never become SQL text.
 *
 * Every condition list starts with what holds for every reader: not hidden, not expired.
 */
import type { MemoryFilter } from '../ports/projection.ts'
import { limits } from '../../crdt/limits.ts'
import { columnText } from './column-text.ts'
import type { Query } from './sql.ts'
import { taggedBy } from './tags.ts'
import { timeOf } from './times.ts'

export type Conditions = { readonly sql: string; readonly params: readonly unknown[] }

/** A filter, and the memories that it leaves when these are few. */
export type Kept = Conditions & {
  /** Their numbers, as an array literal; null when they are more than `recall_filtered_memories_max`, or were not counted. */
  readonly few: { readonly numbers: string; readonly count: number } | null
}

/** @param now ms since 1970: what expires then or before is not shown. @param first number of the first parameter. */
export const conditions = (filter: MemoryFilter, now: number, first = 1): Conditions => {
  const params: unknown[] = []
  const place = (value: unknown): string => `$${first - 1 + params.push(value)}`
  const terms = ['not hidden', `(expires_ms is null or expires_ms > ${place(now)}::bigint)`]
  if (filter.namespace !== undefined) terms.push(`namespace = ${place(filter.namespace)}::text`)
  if (filter.kinds !== undefined && filter.kinds.length > 0)
    terms.push(`kind = any(${place(filter.kinds.map(columnText))}::text[])`)
  if (filter.tier !== undefined) terms.push(`tier = ${place(columnText(filter.tier))}::text`)
  if (filter.tags !== undefined && filter.tags.length > 0)
    terms.push(`tags @> ${place(filter.tags.map(columnText))}::text[]`)
  if (filter.agent_id !== undefined) terms.push(`agent_id = ${place(filter.agent_id)}::text`)
  if (filter.run_id !== undefined) terms.push(`run_id = ${place(columnText(filter.run_id))}::text`)
  if (filter.since !== undefined) terms.push(`ordered_ms >= ${place(timeOf(filter.since, 'since'))}::bigint`)
  if (filter.until !== undefined) terms.push(`ordered_ms < ${place(timeOf(filter.until, 'until'))}::bigint`)
  if (filter.stored_since !== undefined)
    terms.push(`created_ms >= ${place(timeOf(filter.stored_since, 'stored_since'))}::bigint`)
  if (filter.stored_until !== undefined)
    terms.push(`created_ms < ${place(timeOf(filter.stored_until, 'stored_until'))}::bigint`)
  return { sql: terms.join(' and '), params }
}

/** Asks the filter first: of few memories each channel looks at no other. @param where the same filter as conditions. */
export const keptBy = async (query: Query, filter: MemoryFilter, where: Conditions, now: number): Promise<Kept> => {
  const most = limits.recall_filtered_memories_max
  const kept = asksTagsAlone(filter)
    ? taggedBy(filter.tags, filter.namespace, now)
    : { sql: `select no from memories where ${where.sql}`, params: where.params }
  const [row] = await query<{ numbers: string | null; count: number }>(
    `select array_agg(no)::text as numbers, count(*)::float8 as count from (${kept.sql} limit ${most + 1}) as kept`,
    kept.params,
  )
  const { numbers, count } = row!
  return { ...where, few: count > most ? null : { numbers: numbers ?? '{}', count } }
}

/** Whether the filter asks more than the postings themselves satisfy: they are of the namespace, and of nothing hidden. */
export const narrows = ({
  kinds,
  tier,
  tags,
  agent_id,
  run_id,
  since,
  until,
  stored_since,
  stored_until,
}: MemoryFilter): boolean =>
  (kinds?.length ?? 0) + (tags?.length ?? 0) > 0 ||
  [tier, agent_id, run_id, since, until, stored_since, stored_until].some((one) => one !== undefined)

/** Nothing but tags and, perhaps, the namespace. */
const asksTagsAlone = (filter: MemoryFilter): filter is MemoryFilter & { readonly tags: readonly string[] } =>
  narrows(filter) && !narrows({ ...filter, tags: [] })

/** Limits are checked at the doors; here they are held to their bounds, for nobody may ask for everything. */
export const bounded = (limit: number, most: number): number => (limit >= 1 ? Math.min(Math.floor(limit), most) : 1)
