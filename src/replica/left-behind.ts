/**
 * What members said on top of commits that a fork or a revocation leaves out: it lies in the log and in no document, until its
 * author says it again (`reoffer.ts`). Whoever asks with a token that saw it waits till then (`LogIndex.unsaid`).
 *
 * Not waited for is what nobody will say again: its author has forked or was revoked, or the memory that it changes went with
 * one that has. A document that is not whole is passed over, for what it lacks may come back by itself.
 */
import type { Commit } from '../../crdt/commit.ts'
import { firstExcluded } from '../../crdt/control.ts'
import { isDocumentEvent, type DocumentEvent } from '../../crdt/event.ts'
import type { ChainId, CommitHash } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { homesOf } from './author.ts'
import type { Commits } from './commits.ts'
import type { Documents, OpenSegment } from './documents.ts'
import type { Forks } from './forks.ts'
import { isExcluded, segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'

/** An event that was left out, and the commit that it stood in. */
export type LeftBehind = { readonly commit: Commit; readonly event: DocumentEvent }

export type LookBehind = {
  /** Looks through the documents that hold something left out; answers what their authors have to say again, as they said it. */
  all(): readonly LeftBehind[]
  /** A commit has come into the log, and into this document when it can. */
  met(commit: Commit, into: OpenSegment): void
  /** It is in its document. */
  said(commit: Commit): void
}

export const createLookBehind = (index: LogIndex, documents: Documents, commits: Commits, forks: Forks): LookBehind => {
  const isGone = ({ header }: Commit): boolean => forks.isFrozen(header.peer) || index.control.members.get(header.peer)?.revoked !== null
  const isSaid = ({ id, record }: DocumentEvent): boolean =>
    homesOf(index, documents, record).some((home) => {
      const { commitsByRecord, changeByCommit } = documents.open(home).segment
      return commitsByRecord.get(record)?.some((hash) => changeByCommit.get(hash)?.spans.some(({ event }) => event === id)) === true
    })

  const touched = (): Iterable<SegmentEntry> => {
    const entries = new Map<string, SegmentEntry>()
    for (const { chain, at } of [...[...index.forkedAt].map(([chain, at]) => ({ chain, at })), ...cutByRevocation(index)]) {
      for (let seq = at, next = commits.at(chain, seq); next !== null; next = commits.at(chain, ++seq)) {
        const key = next.header.segment === null ? null : segmentKey(next.header.namespace, next.header.segment)
        const entry = key === null ? undefined : index.segments.get(key)
        if (key !== null && entry !== undefined) entries.set(key, entry)
      }
    }
    return entries.values()
  }

  const leftIn = (entry: SegmentEntry): readonly LeftBehind[] => {
    const { segment, damaged } = documents.open(entry)
    if (damaged) return []
    const left: LeftBehind[] = []
    const out = new Set<CommitHash>()
    for (const n of entry.arrivals) {
      const commit = commits.arrived(n)
      if (commit === null || !segment.refused.has(commit.hash)) continue
      const excluded = isExcluded(index, commit)
      if (!excluded && !commit.header.deps.some((dep) => out.has(dep) || forks.header(dep) !== null)) continue
      out.add(commit.hash)
      if (!excluded && !isGone(commit)) for (const event of eventsOf(commit)) left.push(event)
    }
    return left
  }
  const eventsOf = (commit: Commit): readonly LeftBehind[] =>
    commit.events.flatMap(({ event }) => (isDocumentEvent(event) && !isSaid(event) ? [{ commit, event }] : []))

  const waitFor = (left: readonly LeftBehind[]): void => {
    const again = new Set(left.flatMap(({ event }) => (event.kind === 'memory.put' || event.kind === 'link.put' ? [event.record] : [])))
    for (const { commit, event } of left) {
      if (index.unsaid.size >= limits.unsaid_events_max) return
      if (again.has(event.record) || homesOf(index, documents, event.record).length > 0) index.unsaid.set(event.id, { chain: commit.chain, seq: commit.header.seq, hash: commit.hash })
    }
  }

  const said = ({ events }: Commit): void => {
    if (index.unsaid.size > 0) for (const { event } of events) index.unsaid.delete(event.id)
  }

  return {
    said,
    all: () => {
      index.unsaid.clear()
      const left = [...touched()].flatMap(leftIn)
      waitFor(left)
      return left
    },
    met: (commit, { segment, damaged }) => {
      if (!segment.refused.has(commit.hash)) return said(commit)
      if (damaged || isExcluded(index, commit) || isGone(commit)) return
      const out = new Set([...index.unsaid.values()].map(({ hash }) => hash))
      if (commit.header.deps.some((dep) => out.has(dep) || segment.refused.get(dep) === 'excluded' || forks.header(dep) !== null)) waitFor(eventsOf(commit))
    },
  }
}

/** The chains of which a revocation leaves something out. */
const cutByRevocation = (index: LogIndex): readonly { readonly chain: ChainId; readonly at: number }[] =>
  [...index.chains.values()].flatMap(({ id, peer, seq }) => {
    const at = firstExcluded(index.control, peer, id)
    return at <= seq ? [{ chain: id, at }] : []
  })
