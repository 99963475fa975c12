/**
 * How far each chain is in the rows: a row a chain, written for those that a batch names alone, and of all of them the sum that answers
 * say by a token (`crdt/frontier-token.ts`), kept in the cursor.
 *
 * What is named of a chain is what arrived, as far as the log counts it: arrivals may be of a branch, or wait for their past. A later
 * reading of the log changes what it counts, never what arrived; arrivals of an older one only add to it.
 *
 * Invariant: at the end of every transaction the sum is that of the rows.
 */
import { moveChain, type FrontierSum } from '../../crdt/frontier-token.ts'
import type { ChainId } from '../../crdt/ids.ts'
import { frontierOf, type ChainPlace, type Frontier, type Named, type Projection } from '../ports/projection.ts'
import { parts } from './parts.ts'
import type { Query } from './sql.ts'

const id = (table: string): string => `replace(${table}.chain::text, '-', '') as chain`
const named = (table: string): string =>
  `case when ${table}.namespace is null then 0 else least(${table}.arrived, ${table}.counted) end`

/** Changes `sum` as the rows. */
export const writeChains = async (query: Query, chains: readonly ChainPlace[], sum: FrontierSum): Promise<void> => {
  for (const part of parts(chains)) {
    const moved = await query<{ chain: ChainId; was: number; is: number }>(
      `with given as (select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[]) as given(chain, namespace, arrived, counted)),
         before as (select chains.* from chains join given using (chain)),
         after as (
           insert into chains (chain, namespace, arrived, counted) select chain, namespace, arrived, counted from given
           on conflict (chain) do update set namespace = coalesce(excluded.namespace, chains.namespace), arrived = greatest(chains.arrived, excluded.arrived),
             counted = case when excluded.arrived = 0 then excluded.counted else greatest(chains.counted, excluded.counted) end
           returning *)
       select ${id('after')}, coalesce(${named('before')}, 0)::float8 as was, (${named('after')})::float8 as is from after left join before using (chain)`,
      [
        part.map(({ chain }) => chain),
        part.map(({ namespace }) => namespace),
        part.map(({ arrived }) => arrived),
        part.map(({ counted }) => counted),
      ],
    )
    for (const { chain, was, is } of moved) moveChain(sum, chain, was, is)
  }
}

/** All of them. */
export const frontierIn = async (query: Query): Promise<Frontier> =>
  frontierOf(
    await query<Named>(
      `select ${id('chains')}, namespace, (${named('chains')})::float8 as seq from chains where ${named('chains')} > 0`,
    ),
  )

export const arrivedOf = (
  query: Query,
  ...[after, limit]: Parameters<Projection['arrivedOf']>
): ReturnType<Projection['arrivedOf']> =>
  query(
    `select ${id('chains')}, arrived::float8 as seq from chains where ($1::uuid is null or chain > $1::uuid) order by chains.chain limit $2::integer`,
    [after, limit],
  )
