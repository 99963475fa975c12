/**
 * One hash over memories, links and episodes, in all and of each namespace: equal on two members that projected the same commits,
 * whatever the order they came in; and kept up to date with each batch, so that asking for it reads no rows.
 *
 * Each row has a hash of 32 bytes (of its table's name and its canonical JSON) that stands beside it; those are the elements of a
 * set hash (`crdt/set-hash.ts`) a namespace, and of one in all. The cursor and arrival numbers are local and not in it, nor what
 * is derived from the same commits beside them (words, tags, vectors, events, conflicts).
 *
 * Invariant: the states in `set_hashes` are those of the hashes in the tables, at the end of every transaction.
 */
import { sha256 } from '../../crdt/hash.ts'
import type { Namespace } from '../../crdt/ids.ts'
import { addSet, emptySetHash, setDigest, type SetHash } from '../../crdt/set-hash.ts'
import type { ProjectionDigest } from '../ports/projection.ts'
import type { Query } from './sql.ts'

/** Under which name the state of all rows stands: no namespace has it. */
const ALL = ''

/** 32 bytes. @param text the row as canonical JSON. */
export const rowHash = (table: 'memories' | 'links' | 'episodes', text: string): Uint8Array =>
  sha256(`mnemesh/row/1\n${table}\n`, text)

/** Adds to the kept states what a batch changed, by namespace. Answers the digest of each of these namespaces. */
export const writeSetHashes = async (
  query: Query,
  changeByNamespace: ReadonlyMap<string, SetHash>,
): Promise<ReadonlyMap<string, string>> => {
  const all = emptySetHash()
  for (const change of changeByNamespace.values()) addSet(all, change)
  const changes = [...changeByNamespace, [ALL, all] as const]
  const names = changes.map(([name]) => name)
  const stored = await query<{ namespace: string; state: Uint8Array }>(
    'select namespace, state from set_hashes where namespace = any($1::text[])',
    [names],
  )
  const storedByName = new Map(stored.map(({ namespace, state }) => [namespace, state]))
  const digestByName = new Map<string, string>()
  const states = changes.map(([name, change]) => {
    const state = emptySetHash()
    state.set(storedByName.get(name) ?? state)
    addSet(state, change)
    digestByName.set(name, setDigest(state))
    return Buffer.from(state).toString('hex')
  })
  await query(
    `insert into set_hashes (namespace, state) select namespace, decode(state, 'hex') from unnest($1::text[], $2::text[]) as given(namespace, state)
     on conflict (namespace) do update set state = excluded.state`,
    [names, states],
  )
  return digestByName
}

/** @param query reads of one moment. */
export const digestOf = async (query: Query): Promise<ProjectionDigest> => {
  const [all] = await query<{ state: Uint8Array }>('select state from set_hashes where namespace = $1', [ALL])
  const rows = await query<{ namespace: Namespace; digest: string }>(
    'select namespace, digest from namespaces order by namespace collate "C"',
  )
  return {
    all: setDigest(all?.state ?? emptySetHash()),
    by_namespace: Object.fromEntries(rows.map(({ namespace, digest }) => [namespace, digest])),
  }
}
