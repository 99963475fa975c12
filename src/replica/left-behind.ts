/**
 * What members said on top of commits that a fork or a revocation leaves out, and what a member has left behind itself: it lies in the
 * log and in no document, until its author says it again (`reoffer.ts`). Whoever asks with a token that saw it waits till then
 * (`LogIndex.unsaid`).
 *
 * Not waited for is what nobody will say again: its author has forked or was revoked, or the memory that it changes went with
 * one that has. A document that is not whole is passed over, for what it lacks may come back by itself.
 */
import type { Commit } from '../../crdt/commit.ts'
import { firstExcluded } from '../../crdt/control.ts'
import { isDocumentEvent, type DocumentEvent, type EpisodeAppend } from '../../crdt/event.ts'
import { CONTROL_NAMESPACE, type ChainId, type CommitHash, type EventId, type PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { homesOf } from './author.ts'
import type { Commits } from './commits.ts'
import type { Documents, OpenSegment } from './documents.ts'
import type { Forks } from './forks.ts'
import { forkAt, isBeyondUs, isExcluded, segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'

/** An event that was left out, and the commit that it stood in. */
export type LeftBehind = { readonly commit: Commit; readonly event: DocumentEvent | EpisodeAppend }
type LeftInDocument = { readonly commit: Commit; readonly event: DocumentEvent }

export type LookBehind = {
  /** Looks through the documents that hold something left out; answers what their authors have to say again, as they said it. */
  all(): readonly LeftBehind[]
  /** A commit has come into the log, and into this document when it can. */
  met(commit: Commit, into: OpenSegment): void
  /** It is in its document. */
  said(commit: Commit): void
}

export const createLookBehind = (
  index: LogIndex,
  documents: Documents,
  commits: Commits,
  forks: Forks,
  self: PeerId,
): LookBehind => {
  const isGone = ({ header }: Commit): boolean =>
    forks.isFrozen(header.peer) || index.control.members.get(header.peer)?.revoked !== null
  /** Its author is a member still, and says it again itself. */
  const isLeftByItself = (commit: Commit): boolean =>
    !isGone(commit) && commit.header.seq < forkAt(index, commit.chain) && !isBeyondUs(index, commit)
  const isSaid = ({ id, record }: DocumentEvent): boolean =>
    homesOf(index, documents, record).some((home) => {
      const { commitsByRecord, changeByCommit } = documents.open(home).segment
      return (
        commitsByRecord
          .get(record)
          ?.some((hash) => changeByCommit.get(hash)?.spans.some(({ event }) => event === id)) === true
      )
    })

  const touched = (): Iterable<SegmentEntry> => {
    const entries = new Map<string, SegmentEntry>()
    for (const { chain, at } of [...[...index.forkedAt].map(([chain, at]) => ({ chain, at })), ...cutChains(index)]) {
      for (let seq = at, next = commits.at(chain, seq); next !== null; next = commits.at(chain, ++seq)) {
        const key = next.header.segment === null ? null : segmentKey(next.header.namespace, next.header.segment)
        const entry = key === null ? undefined : index.segments.get(key)
        if (key !== null && entry !== undefined) entries.set(key, entry)
      }
    }
    return entries.values()
  }

  const leftIn = (entry: SegmentEntry): readonly LeftInDocument[] => {
    const { segment, damaged } = documents.open(entry)
    if (damaged) return []
    const left: LeftInDocument[] = []
    const out = new Set<CommitHash>()
    for (const n of entry.arrivals) {
      const commit = commits.arrived(n)
      if (commit === null || !segment.refused.has(commit.hash)) continue
      const excluded = isExcluded(index, commit)
      if (!excluded && !commit.header.deps.some((dep) => out.has(dep) || forks.header(dep) !== null)) continue
      out.add(commit.hash)
      if (excluded ? isLeftByItself(commit) : !isGone(commit)) for (const event of eventsOf(commit)) left.push(event)
    }
    return left
  }
  const eventsOf = (commit: Commit): readonly LeftInDocument[] =>
    commit.events.flatMap(({ event }) => (isDocumentEvent(event) && !isSaid(event) ? [{ commit, event }] : []))

  const waitFor = (left: readonly LeftInDocument[]): void => {
    const again = new Set(
      left.flatMap(({ event }) => (event.kind === 'memory.put' || event.kind === 'link.put' ? [event.record] : [])),
    )
    for (const { commit, event } of left) {
      if (index.unsaid.size >= limits.unsaid_events_max) return
      if (again.has(event.record) || homesOf(index, documents, event.record).length > 0)
        index.unsaid.set(event.id, { chain: commit.chain, seq: commit.header.seq, hash: commit.hash })
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
      return [...left, ...episodesLeft(index, commits, self)]
    },
    met: (commit, { segment, damaged }) => {
      if (!segment.refused.has(commit.hash)) return said(commit)
      if (damaged || isGone(commit)) return
      if (isExcluded(index, commit)) return isLeftByItself(commit) ? waitFor(eventsOf(commit)) : undefined
      const out = new Set([...index.unsaid.values()].map(({ hash }) => hash))
      if (
        commit.header.deps.some(
          (dep) => out.has(dep) || segment.refused.get(dep) === 'excluded' || forks.header(dep) !== null,
        )
      )
        waitFor(eventsOf(commit))
    },
  }
}

/** The chains of which a revocation, or their author's leaving behind, leaves something out. */
const cutChains = (index: LogIndex): readonly { readonly chain: ChainId; readonly at: number }[] =>
  [...index.chains.values()].flatMap((chain) => {
    const at = firstExcluded(index.control, chain)
    return at <= chain.seq ? [{ chain: chain.id, at }] : []
  })

/** Our own episodes that we have left behind and not said again yet. No document tells: they stand at the beginning of the chains begun since. */
const episodesLeft = (index: LogIndex, commits: Commits, self: PeerId): readonly LeftBehind[] => {
  if (index.control.members.get(self)?.revoked !== null) return []
  const left = new Map<EventId, LeftBehind>()
  for (const { chain, at } of cutChains(index)) {
    const { peer, namespace, seq: end } = index.chains.get(chain)!
    for (
      let seq = at;
      peer === self && namespace !== CONTROL_NAMESPACE && seq <= end && seq < forkAt(index, chain);
      seq++
    ) {
      const commit = commits.at(chain, seq)
      for (const { event } of commit?.header.segment === null ? commit.events : [])
        if (event.kind === 'episode.append') left.set(event.id, { commit: commit!, event })
    }
  }
  const since = [...index.chains.values()].filter(
    (chain) =>
      chain.peer === self && chain.namespace !== CONTROL_NAMESPACE && firstExcluded(index.control, chain) > chain.seq,
  )
  // The latest say it only where an earlier one did not.
  for (const { id, seq: end } of since.sort((a, b) => (b.begunAt ?? 0) - (a.begunAt ?? 0))) {
    for (let seq = 1; seq <= end && left.size > 0; seq++)
      for (const { event } of commits.at(id, seq)?.events ?? []) left.delete(event.id)
  }
  return [...left.values()]
}
