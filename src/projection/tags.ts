/**
 * Which memories have a tag: one row each, so that a filter by tags reads an index of some pages where it would else look into as
 * many places of `memories` as it keeps (of 100,000 memories 1,000: 3.1 ms so, 0.5 from here).
 *
 * Invariant: exactly the tags of the memories that are not hidden, with when each of these expires. In the transaction of the batch.
 */
import type { MemoryRow } from '../ports/projection.ts'
import { columnText } from './column-text.ts'
import type { Indexed } from './postings.ts'
import type { Query } from './sql.ts'
import { msOrNull } from './times.ts'

type Tagged = { readonly no: number; readonly namespace: string; readonly tag: string; readonly expires: number | null }

export const writeTags = async (query: Query, memories: readonly Indexed[]): Promise<void> => {
  const [gone, come]: [Tagged[], Tagged[]] = [[], []]
  for (const { no, row, before } of memories) {
    const [old, now] = [before === null ? [] : tagsOf(no, before.row), tagsOf(no, row)]
    if (JSON.stringify(old) === JSON.stringify(now)) continue
    for (const tag of old) gone.push(tag)
    for (const tag of now) come.push(tag)
  }
  if (gone.length > 0) {
    await query(
      'delete from tags using unnest($1::text[], $2::text[], $3::integer[]) as given(tag, namespace, memory) where tags.tag = given.tag and tags.namespace = given.namespace and tags.memory = given.memory',
      columns(gone),
    )
  }
  if (come.length > 0) {
    await query(
      'insert into tags (tag, namespace, memory, expires_ms) select * from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[])',
      [...columns(come), come.map(({ expires }) => expires)],
    )
  }
}

/** The numbers, as `no`, of the memories with all of these tags that can be seen `now`. SQL, parameters numbered from 1. */
export const taggedBy = (
  tags: readonly string[],
  namespace: string | undefined,
  now: number,
): { readonly sql: string; readonly params: readonly unknown[] } => {
  const params: unknown[] = []
  const place = (value: unknown): string => `$${params.push(value)}`
  const [first, ...more] = tags.map(columnText)
  const conditions = [`tag = ${place(first)}::text`, `(expires_ms is null or expires_ms > ${place(now)}::bigint)`]
  if (namespace !== undefined) conditions.push(`namespace = ${place(namespace)}::text`)
  for (const tag of more)
    conditions.push(
      `exists (select 1 from tags as other where other.tag = ${place(tag)}::text and other.namespace = tags.namespace and other.memory = tags.memory)`,
    )
  return { sql: `select memory as no from tags where ${conditions.join(' and ')}`, params }
}

const tagsOf = (no: number, { namespace, tags, expires_at, forgotten, erased }: MemoryRow): readonly Tagged[] => {
  if (forgotten || erased) return []
  const expires = msOrNull(expires_at)
  return [...new Set(tags.map(columnText))].sort().map((tag) => ({ no, namespace, tag, expires }))
}

const columns = (tagged: readonly Tagged[]): readonly unknown[] => [
  tagged.map(({ tag }) => tag),
  tagged.map(({ namespace }) => namespace),
  tagged.map(({ no }) => no),
]
