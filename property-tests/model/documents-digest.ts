/** The digest of all documents, and of each namespace's, from nothing: every document made again from the log, beside those in use, its heads asked of Automerge. */
import { sha256 } from '../../crdt/hash.ts'
import type { Namespace } from '../../crdt/ids.ts'
import { documentHeads } from '../../crdt/segment.ts'
import { addToSet, emptySetHash, setDigest, type SetHash } from '../../crdt/set-hash.ts'
import { replay } from '../../src/replica/replay.ts'
import type { Replica } from '../../src/replica/replica-types.ts'

export const documentsFromNothing = ({ index, commits }: Pick<Replica, 'index' | 'commits'>): { readonly all: string; readonly byNamespace: ReadonlyMap<Namespace, string> } => {
  const all = emptySetHash()
  const states = new Map<Namespace, SetHash>([...index.namespaces].map((namespace) => [namespace, emptySetHash()]))
  for (const entry of index.segments.values()) {
    const { segment } = replay(index, commits, entry)
    if (segment.changeByCommit.size === 0) continue
    const element = sha256(`mnemesh/document/1\n${entry.namespace}\n${entry.id}\n${documentHeads(segment).join('\n')}`)
    for (const state of [all, states.get(entry.namespace)!]) addToSet(state, element)
  }
  return { all: setDigest(all), byNamespace: new Map([...states].map(([namespace, state]) => [namespace, setDigest(state)])) }
}
