/**
 * What one batch changes of the counters and the digests, gathered row by row and written once, in the batch's transaction: so
 * that `stats`, `namespaces` and `digest` read no rows, however many there are.
 *
 * Invariant: at the end of every transaction the counters are those of the rows. A namespace without rows, and a count of nothing,
 * is no row.
 */
import { addToSet, emptySetHash, removeFromSet, type SetHash } from '../../crdt/set-hash.ts'
import { writeSetHashes } from './digest.ts'
import type { Query } from './sql.ts'

/** What a row counts for. `of`: a memory's kind and tier where it can be seen; a link's or episode's table. */
export type Counted = { readonly namespace: string; readonly hash: Uint8Array; readonly of: readonly Count[] }
export type Count = readonly [what: 'memories' | 'kind' | 'tier' | 'links' | 'episodes', name: string]

export type Tally = { add(row: Counted): void; remove(row: Counted): void }

type Change = { rows: number; memories: number; readonly set: SetHash }

/** `write` may be called once, after all rows are written. */
export const createTally = (query: Query): Tally & { write(): Promise<void> } => {
  const changeByNamespace = new Map<string, Change>()
  const countByKey = new Map<string, { readonly count: Count; by: number }>()

  const move = ({ namespace, hash, of }: Counted, by: 1 | -1): void => {
    const change = changeByNamespace.get(namespace) ?? { rows: 0, memories: 0, set: emptySetHash() }
    changeByNamespace.set(namespace, change)
    change.rows += by
    if (by === 1) addToSet(change.set, hash)
    else removeFromSet(change.set, hash)
    for (const count of of) {
      if (count[0] === 'memories') change.memories += by
      const key = count.join('\n')
      const sum = countByKey.get(key) ?? { count, by: 0 }
      countByKey.set(key, sum)
      sum.by += by
    }
  }

  return {
    add: (row) => move(row, 1),
    remove: (row) => move(row, -1),
    write: async () => {
      if (changeByNamespace.size > 0) await writeNamespaces(query, changeByNamespace)
      await addCounts(
        query,
        [...countByKey.values()].map(({ count, by }) => [...count, by] as const),
      )
    },
  }
}

const writeNamespaces = async (query: Query, changes: ReadonlyMap<string, Change>): Promise<void> => {
  const digests = await writeSetHashes(query, new Map([...changes].map(([namespace, { set }]) => [namespace, set])))
  const names = [...changes.keys()]
  await query(
    `insert into namespaces (namespace, rows, memories, digest, updated_ms)
     select namespace, rows, memories, digest, (select max(updated_ms) from memories where memories.namespace = given.namespace and not hidden)
     from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) as given(namespace, rows, memories, digest)
     on conflict (namespace) do update set rows = namespaces.rows + excluded.rows, memories = namespaces.memories + excluded.memories,
       digest = excluded.digest, updated_ms = excluded.updated_ms`,
    [
      names,
      names.map((name) => changes.get(name)!.rows),
      names.map((name) => changes.get(name)!.memories),
      names.map((name) => digests.get(name)!),
    ],
  )
  if ([...changes.values()].every(({ rows }) => rows >= 0)) return
  await query(
    'with gone as (delete from namespaces where namespace = any($1::text[]) and rows = 0 returning namespace) delete from set_hashes using gone where set_hashes.namespace = gone.namespace',
    [names],
  )
}

/** Adds to the counters. */
export const addCounts = async (
  query: Query,
  counts: readonly (readonly [what: Count[0], name: string, by: number])[],
): Promise<void> => {
  const changed = counts.filter(([, , by]) => by !== 0)
  if (changed.length === 0) return
  const given = [changed.map(([what]) => what), changed.map(([, name]) => name)]
  await query(
    `insert into counts (what, name, count) select * from unnest($1::text[], $2::text[], $3::bigint[])
     on conflict (what, name) do update set count = counts.count + excluded.count`,
    [...given, changed.map(([, , by]) => by)],
  )
  if (changed.some(([, , by]) => by < 0)) {
    await query(
      'delete from counts using unnest($1::text[], $2::text[]) as given(what, name) where counts.what = given.what and counts.name = given.name and counts.count = 0',
      given,
    )
  }
}
