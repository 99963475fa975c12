/**
 * The links as a graph in Apache AGE, for those who query the database in Cypher: `(:Memory)-[:Link]->(:Memory)`.
 *
 *   load 'age'; set search_path = ag_catalog, public;
 *   select * from cypher('GRAPH', $$ match (a:Memory)-[l:Link {relation: 'causes'}]->(b:Memory) return b.id $$) as (id agtype)
 *
 * A copy for readers: nothing of ours reads it. It holds no texts, so what is erased cannot linger in it; `id` leads to the row. A
 * memory that expires stays until it is next written: its `expires_ms` says so. Off unless asked for; then a copy that is left is dropped.
 *
 * Invariants: it is written in the batch's own transaction; `graphs.arrival` says how far it is, so one that missed batches (it was
 * off for a while) is made anew at opening. A vertex' number is the row's `no`, so that writing it again moves no edge.
 */
import type { ProjectionBatch } from '../ports/projection.ts'
import { attempted } from './extension.ts'
import type { Query } from './sql.ts'

/** Makes the graph, or brings it up to the rows. Answers why there is none, as a sentence's middle, or null when it stands. */
export const prepareAge = async (query: Query, graph: string): Promise<string | null> => {
  if (!(await isInstalled(query)) && !(await attempted(query, 'create extension age')))
    return 'the database has no Apache AGE: create extension age there as its owner'
  const [at] = await query<{ graph: number | null; rows: number }>(
    'select (select arrival::float8 from graphs) as graph, coalesce((select arrival::float8 from cursor), 0) as rows',
  )
  if (at !== undefined && at.graph === at.rows && (await isThere(query, graph))) return null
  await lookInside(query)
  // The rights of a mere user end at AGE's own schema, as a rule.
  if (!(await dropAge(query, graph)) || !(await attempted(query, `select ag_catalog.create_graph('${graph}')`)))
    return `this peer may not make graphs: grant usage on schema ag_catalog and create on the database to its user`
  await query(`select ag_catalog.create_vlabel('${graph}', 'Memory')`)
  await query(`select ag_catalog.create_elabel('${graph}', 'Link')`)
  for (const [name, place] of [
    ['memory_number', '"Memory" (id)'],
    ['memory_has', '"Memory" using gin (properties)'],
    ['link_number', '"Link" (id)'],
    ['link_from', '"Link" (start_id)'],
    ['link_to', '"Link" (end_id)'],
  ] as const) {
    await query(`create index ${name} on ${graph}.${place}`)
  }
  await putMemories(query, graph, 'true', [])
  await putLinks(query, graph, 'true', [])
  await follow(query, at?.rows ?? 0)
  return null
}

/** What a batch changed, after its rows are written. */
export const stepAge = async (query: Query, graph: string, batch: ProjectionBatch): Promise<void> => {
  await lookInside(query)
  const memories = batch.memories.map(({ id }) => id)
  const links = batch.links.map(({ id }) => id)
  const touched = '(l.id = any($1::uuid[]) or l.from_id = any($2::uuid[]) or l.to_id = any($2::uuid[]))'
  await query(
    `delete from ${graph}."Link" where id in (select ${number(graph, 'Link', 'l.no')} from links l where ${touched})`,
    [links, memories],
  )
  await query(
    `delete from ${graph}."Memory" where id in (select ${number(graph, 'Memory', 'm.no')} from memories m where m.id = any($1::uuid[]))`,
    [memories],
  )
  await putMemories(query, graph, 'm.id = any($1::uuid[])', [memories])
  await putLinks(query, graph, touched, [links, memories])
  await follow(query, batch.cursor.arrival)
}

/** Drops a graph that is there. Answers whether none is. */
export const dropAge = async (query: Query, graph: string): Promise<boolean> => {
  if (!(await isThere(query, graph))) return true
  await lookInside(query)
  return attempted(query, `select ag_catalog.drop_graph('${graph}', true)`)
}

/** AGE's own functions look for its types by their bare names. For this transaction alone, and behind everything else. */
const lookInside = (query: Query): Promise<unknown> =>
  query("select set_config('search_path', current_setting('search_path') || ', ag_catalog', true)")

const isInstalled = async (query: Query): Promise<boolean> =>
  (await query("select 1 from pg_extension where extname = 'age'")).length > 0
/** A schema of that name alone is no graph: the rows themselves lie in one. */
const isThere = async (query: Query, graph: string): Promise<boolean> =>
  (await isInstalled(query)) && (await query('select 1 from ag_catalog.ag_graph where name = $1', [graph])).length > 0

const follow = (query: Query, arrival: number): Promise<unknown> =>
  query('insert into graphs (arrival) values ($1::bigint) on conflict (one) do update set arrival = excluded.arrival', [
    arrival,
  ])

const number = (graph: string, label: 'Memory' | 'Link', no: string): string =>
  `ag_catalog._graphid(ag_catalog._label_id('${graph}', '${label}')::int, ${no}::bigint)`

const putMemories = (query: Query, graph: string, which: string, params: readonly unknown[]): Promise<unknown> =>
  query(
    `insert into ${graph}."Memory" (id, properties)
     select ${number(graph, 'Memory', 'm.no')}, json_strip_nulls(json_build_object('id', m.id, 'namespace', m.namespace, 'kind', m.kind, 'tier', m.tier, 'tags', m.tags,
       'agent_id', m.agent_id, 'run_id', m.run_id, 'created_ms', m.created_ms, 'expires_ms', m.expires_ms))::text::ag_catalog.agtype
     from memories m where not m.hidden and ${which}`,
    params,
  )

const putLinks = (query: Query, graph: string, which: string, params: readonly unknown[]): Promise<unknown> =>
  query(
    `insert into ${graph}."Link" (id, start_id, end_id, properties)
     select ${number(graph, 'Link', 'l.no')}, ${number(graph, 'Memory', 'a.no')}, ${number(graph, 'Memory', 'b.no')}, json_strip_nulls(json_build_object('id', l.id, 'namespace', l.namespace,
       'relation', l.relation, 'valid_from_ms', l.valid_from_ms, 'valid_until_ms', l.valid_until_ms, 'created_ms', l.created_ms))::text::ag_catalog.agtype
     from links l join memories a on a.id = l.from_id join memories b on b.id = l.to_id where not l.removed and not a.hidden and not b.hidden and ${which}`,
    params,
  )
