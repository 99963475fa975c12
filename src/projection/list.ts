/**
 * Lists: memories newest first in pages, by when they happened, links of a memory, episodes of an agent.
 *
 * A page's cursor is the place (happened, id) of its last row, with a hash of the filter it belongs to. New memories come
 * before it or, when they arrive late from elsewhere, at their place behind it: no row is shown twice, none is left out.
 */
import { limits } from '../../crdt/limits.ts'
import type { EpisodeRow, LinkRow, MemoryFilter, MemoryRow, Page, Projection } from '../ports/projection.ts'
import { formatCursor, parseCursor } from './list-cursor.ts'
import { columnText } from './column-text.ts'
import { bounded, conditions } from './filter.ts'
import type { Query } from './sql.ts'
import { timeOf } from './times.ts'

type Stored = { readonly row: string; readonly id: string; readonly created: number }

export const listMemories = async (
  query: Query,
  filter: MemoryFilter,
  page: { readonly limit: number; readonly cursor?: string; readonly now: string },
): Promise<Page<MemoryRow>> => {
  const limit = bounded(page.limit, limits.list_limit_max)
  const where = conditions(filter, timeOf(page.now, 'now'))
  const params: unknown[] = [...where.params]
  let after = ''
  if (page.cursor !== undefined) {
    const [created, id] = parseCursor(page.cursor, filter)
    after = `and (ordered_ms, id) < ($${params.push(created)}::bigint, $${params.push(id)}::uuid)`
  }
  const found = await query<Stored>(
    `select row, id, ordered_ms::float8 as created from memories where ${where.sql} ${after} order by ordered_ms desc, id desc limit ${limit + 1}`,
    params,
  )
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    rows: shown.map((stored) => JSON.parse(stored.row) as MemoryRow),
    next_cursor: found.length > limit && last !== undefined ? formatCursor([last.created, last.id], filter) : null,
  }
}

export const linksOf = async (query: Query, of: string): Promise<readonly LinkRow[]> => {
  const rows = await query<Stored>(
    'select row from links where (from_id = $1::uuid or to_id = $1::uuid) and not removed order by created_ms, id',
    [of],
  )
  return rows.map((stored) => JSON.parse(stored.row) as LinkRow)
}

export const listEpisodes = async (
  query: Query,
  filter: Parameters<Projection['episodes']>[0],
): Promise<readonly EpisodeRow[]> => {
  const params: unknown[] = [filter.agent_id]
  let where = 'agent_id = $1::text'
  if (filter.event_type !== undefined) where += ` and event_type = $${params.push(columnText(filter.event_type))}::text`
  if (filter.since !== undefined) where += ` and created_ms >= $${params.push(timeOf(filter.since, 'since'))}::bigint`
  const rows = await query<Stored>(
    `select row from episodes where ${where} order by created_ms desc, id desc limit ${bounded(filter.limit, limits.episodes_limit_max)}`,
    params,
  )
  return rows.map((stored) => JSON.parse(stored.row) as EpisodeRow)
}
