/**
 * The graph around a memory: by one recursive query over the links, breadth first, and the links among what it reached.
 *
 * A link counts when it is not removed, holds at `as_of` (`valid_from` ≤ as_of < `valid_until`, either end open), is of the asked
 * relation, and both its ends are visible now; a memory that is forgotten, erased or expired ends the way, for nothing may be
 * learnt through it. Validity is what the links say of the world; when they were written is not asked.
 *
 * Bounds: a node is reached at most once a depth, so `limit` nodes make at most limit × (depth + 1) rows. The recursion stops at one
 * row more, and one step at limit + 1 neighbours; either means that there are more than `limit` nodes, so `truncated` is exact.
 * Cycles end at `depth`.
 */
import { limits } from '../../crdt/limits.ts'
import type { GraphAnswer, GraphQuery, LinkRow, MemoryRow, Reflects } from '../ports/projection.ts'
import { columnText } from './column-text.ts'
import { bounded, conditions } from './filter.ts'
import { graphNode } from './graph-node.ts'
import type { Query } from './sql.ts'
import { timeOf } from './times.ts'

/** Within their bounds, times in ms since 1970. */
type Asked = Omit<GraphQuery, 'as_of'> & { readonly at: number; readonly now: number }

export const graphOf = async (
  query: Query,
  { as_of, ...rest }: GraphQuery,
  now: string,
): Promise<Omit<GraphAnswer, keyof Reflects>> => {
  const asked: Asked = {
    ...rest,
    at: timeOf(as_of, 'as_of'),
    now: timeOf(now, 'now'),
    limit: bounded(rest.limit, limits.graph_nodes_max),
    depth: Math.min(limits.graph_depth_max, Math.max(0, Math.floor(rest.depth))),
  }
  const found = await reach(query, asked)
  const depthById = new Map(found.slice(0, asked.limit).map(({ id, depth }) => [id, depth]))
  const ids = [...depthById.keys()]
  const nodes = await query<{ id: string; row: string }>(
    'select id::text as id, row from memories where id = any($1::uuid[])',
    [ids],
  )
  const edges = await edgesAmong(query, ids, asked)
  return {
    nodes: nodes
      .map(({ id, row }) => graphNode(JSON.parse(row) as MemoryRow, depthById.get(id) ?? 0))
      .sort((a, b) => a.depth - b.depth || (a.id < b.id ? -1 : 1)),
    edges: edges.slice(0, limits.graph_edges_max),
    truncated: found.length > asked.limit || edges.length > limits.graph_edges_max,
  }
}

/** Conditions on a link. @param params to which theirs are added. */
const counting = ({ at, relation, namespace }: Asked, params: unknown[]): string => {
  const place = (value: unknown): string => `$${params.push(value)}`
  const moment = `${place(at)}::bigint`
  const terms = [
    'not removed',
    `(valid_from_ms is null or valid_from_ms <= ${moment})`,
    `(valid_until_ms is null or ${moment} < valid_until_ms)`,
  ]
  if (relation !== undefined) terms.push(`relation = ${place(columnText(relation))}::text`)
  if (namespace !== undefined) terms.push(`namespace = ${place(namespace)}::text`)
  return terms.join(' and ')
}

/** What can be reached, nearest first, at most one more than the limit. Empty when the start is not visible. */
const reach = async (
  query: Query,
  asked: Asked,
): Promise<readonly { readonly id: string; readonly depth: number }[]> => {
  const { from, depth, limit, direction, namespace, now } = asked
  const seen = conditions(namespace === undefined ? {} : { namespace }, now)
  const params: unknown[] = [...seen.params]
  const start = `$${params.push(from)}::uuid`
  const counts = counting(asked, params)
  const out = `select to_id as id from links where from_id = reached.id and ${counts}`
  const back = `select from_id as id from links where to_id = reached.id and ${counts}`
  const ways = direction === 'out' ? out : direction === 'in' ? back : `${out} union ${back}`
  return query(
    `with recursive reached(id, depth) as (
       select id, 0 from memories where id = ${start} and ${seen.sql}
       union
       select next.id, reached.depth + 1 from reached cross join lateral (
         select distinct memories.id from (${ways}) as way join memories on memories.id = way.id where ${seen.sql} order by memories.id limit ${limit + 1}) as next
       where reached.depth < ${depth})
     select id::text as id, min(depth)::float8 as depth from (select id, depth from reached limit ${limit * (depth + 1) + 1}) as nearest
     group by id order by min(depth), nearest.id limit ${limit + 1}`,
    params,
  )
}

const edgesAmong = async (query: Query, ids: readonly string[], asked: Asked): Promise<readonly LinkRow[]> => {
  const params: unknown[] = [ids]
  const rows = await query<{ row: string }>(
    `select row from links where from_id = any($1::uuid[]) and to_id = any($1::uuid[]) and ${counting(asked, params)}
     order by created_ms, id limit ${limits.graph_edges_max + 1}`,
    params,
  )
  return rows.map(({ row }) => JSON.parse(row) as LinkRow)
}
