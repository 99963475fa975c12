/**
 * The digest of all documents, and of each namespace's, from nothing: every document made again from the log, beside those in use, its
 * heads asked of Automerge.
 */
import { sha256 } from '../../crdt/hash.ts'
import type { Namespace } from '../../crdt/ids.ts'
import { documentHeads } from '../../crdt/segment.ts'
import { addToSet, emptySetHash, setDigest, type SetHash } from '../../crdt/set-hash.ts'
import { isExcluded, type LogIndex, type SegmentEntry } from '../../src/replica/log-index.ts'
import { replay } from '../../src/replica/replay.ts'
import type { Replica } from '../../src/replica/replica-types.ts'

/**
 * @param known what was found out by the same commits in the same order, in and left out alike: a document is a function of these, so
 * of peers that agree one does the work. For one moment of one world.
 */
export const documentsFromNothing = (
  { index, commits }: Pick<Replica, 'index' | 'commits'>,
  known = new Map<string, string>(),
): { readonly all: string; readonly byNamespace: ReadonlyMap<Namespace, string> } => {
  const all = emptySetHash()
  const states = new Map<Namespace, SetHash>([...index.namespaces].map((namespace) => [namespace, emptySetHash()]))
  for (const entry of index.segments.values()) {
    const input = inputOf(index, commits, entry)
    const heads = known.get(input) ?? headsOf(index, commits, entry)
    known.set(input, heads)
    if (heads === NONE) continue
    const element = sha256(`mnemesh/document/1\n${entry.namespace}\n${entry.id}\n${heads}`)
    for (const state of [all, states.get(entry.namespace)!]) addToSet(state, element)
  }
  return {
    all: setDigest(all),
    byNamespace: new Map([...states].map(([namespace, state]) => [namespace, setDigest(state)])),
  }
}

/** No commit is in the document. */
const NONE = ''

const headsOf = (index: LogIndex, commits: Replica['commits'], entry: SegmentEntry): string => {
  const { segment } = replay(index, commits, entry)
  const heads = segment.changeByCommit.size === 0 ? NONE : documentHeads(segment).join('\n')
  segment.document.free()
  return heads
}

/** All that a replay asks for: which document, and of each arrival the commit that is read there, and whether it is left out. */
const inputOf = (index: LogIndex, commits: Replica['commits'], { namespace, id, arrivals }: SegmentEntry): string =>
  [
    namespace,
    id,
    ...arrivals.map((n) => {
      const commit = commits.arrived(n)
      return commit === null ? 'damaged' : `${commit.hash} ${isExcluded(index, commit) ? 'out' : 'in'}`
    }),
  ].join('\n')
