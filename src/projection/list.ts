/**
 * Lists: memories newest first in pages, links of a memory, episodes of an agent.
 *
 * A page's cursor is the place (created, id) of its last row, with a hash of the filter it belongs to. New memories come
 * before it or, when they arrive late from elsewhere, at their place behind it: no row is shown twice, none is left out.
 */
import { sha256 } from '../../crdt/hash.ts'
import { limits } from '../../crdt/limits.ts'
import { BadCursor, type EpisodeRow, type LinkRow, type MemoryFilter, type MemoryRow, type Page, type Projection } from '../ports.ts'
import { columnText } from './column-text.ts'
import { bounded, conditions } from './filter.ts'
import { canonical } from './rows.ts'
import type { Query } from './sql.ts'
import { timeOf } from './times.ts'

type Stored = { readonly row: string; readonly id: string; readonly created: number }
type Place = readonly [created: number, id: string]

export const listMemories = async (query: Query, filter: MemoryFilter, page: { readonly limit: number; readonly cursor?: string; readonly now: string }): Promise<Page<MemoryRow>> => {
  const limit = bounded(page.limit, limits.list_limit_max)
  const where = conditions(filter, timeOf(page.now, 'now'))
  const params: unknown[] = [...where.params]
  let after = ''
  if (page.cursor !== undefined) {
    const [created, id] = parseCursor(page.cursor, filter)
    after = `and (created_ms, id) < ($${params.push(created)}::bigint, $${params.push(id)}::uuid)`
  }
  const found = await query<Stored>(
    `select row, id, created_ms::float8 as created from memories where ${where.sql} ${after} order by created_ms desc, id desc limit ${limit + 1}`, params)
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    rows: shown.map((stored) => JSON.parse(stored.row) as MemoryRow),
    next_cursor: found.length > limit && last !== undefined ? formatCursor([last.created, last.id], filter) : null,
  }
}

export const linksOf = async (query: Query, of: string): Promise<readonly LinkRow[]> => {
  const rows = await query<Stored>('select row from links where (from_id = $1::uuid or to_id = $1::uuid) and not removed order by created_ms, id', [of])
  return rows.map((stored) => JSON.parse(stored.row) as LinkRow)
}

export const listEpisodes = async (query: Query, filter: Parameters<Projection['episodes']>[0]): Promise<readonly EpisodeRow[]> => {
  const params: unknown[] = [filter.agent_id]
  let where = 'agent_id = $1::text'
  if (filter.event_type !== undefined) where += ` and event_type = $${params.push(columnText(filter.event_type))}::text`
  if (filter.since !== undefined) where += ` and created_ms >= $${params.push(timeOf(filter.since, 'since'))}::bigint`
  const rows = await query<Stored>(
    `select row from episodes where ${where} order by created_ms desc, id desc limit ${bounded(filter.limit, limits.episodes_limit_max)}`, params)
  return rows.map((stored) => JSON.parse(stored.row) as EpisodeRow)
}

const CURSOR = /^1,(-?\d{1,16}),([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}),([0-9a-f]{16})$/

const formatCursor = ([created, id]: Place, filter: MemoryFilter): string =>
  Buffer.from(`1,${created},${id},${filterHash(filter)}`).toString('base64url')

const parseCursor = (cursor: string, filter: MemoryFilter): Place => {
  const parsed = CURSOR.exec(cursor.length > 256 ? '' : Buffer.from(cursor, 'base64url').toString('latin1'))
  if (parsed === null) throw new BadCursor('list: that is no cursor of this list; take next_cursor as it was given, or start without one')
  if (parsed[3] !== filterHash(filter)) throw new BadCursor('list: that cursor belongs to a list with other filters; repeat its filters, or start without one')
  return [Number(parsed[1]), parsed[2]!]
}

/** The same for filters that mean the same: the order of kinds and tags does not matter. */
const filterHash = ({ namespace, kinds, tier, tags, agent_id, run_id, since, until }: MemoryFilter): string => {
  const asSet = (items: readonly string[] | undefined): readonly string[] => [...new Set(items)].sort()
  const meaning = canonical({ namespace, kinds: asSet(kinds), tier, tags: asSet(tags), agent_id, run_id, since, until })
  return Buffer.from(sha256('mnemesh/list/1', meaning)).toString('hex', 0, 8)
}
