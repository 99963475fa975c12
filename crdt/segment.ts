/**
 * A segment: one Automerge document with up to 512 memories of one owner, and what is needed to judge and explain its changes.
 *
 * `applyCommit` is the second half of admission: a function of the commit and its causal past alone, so
 * every peer answers alike, in whatever order independent commits come. A commit it refuses stays in the log and out of
 * the document, and so does whatever names it as a dep.
 *
 * Invariants:
 * 1. Commits are given in an order in which every dep comes before its dependents (arrival order of any log is one).
 * 2. A commit is applied iff its deps are applied, the author's own last applied change is in its past, the segment's rules
 *    hold, and the change derived here has the hash that the commit states.
 * 3. Whoever asks the document finds exactly the genesis and the derived changes of the applied commits in it. What it holds is known
 *    before: a change is derived and judged when its commit is applied, and gathered (`lazy-document.ts`).
 */
import { changeHash, encodeChange, openDocument } from './automerge.ts'
import type { Commit } from './commit.ts'
import { GENESIS_ACTOR, deriveOps, type View } from './derive.ts'
import { isDocumentEvent, type DocumentEvent } from './event.ts'
import { sha256 } from './hash.ts'
import {
  bytesToHex,
  hexToBytes,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type EventId,
  type Incarnation,
  type Namespace,
  type PeerId,
  type RecordId,
  type SegmentId,
} from './ids.ts'
import { createLazyDocument, type LazyDocument } from './lazy-document.ts'
import { limits } from './limits.ts'
import { whoWrote, type ChangeInfo, type Written } from './provenance.ts'

export type Segment = {
  readonly namespace: Namespace
  readonly id: SegmentId
  /** Of what is applied, all is in it as soon as somebody asks. */
  readonly document: LazyDocument
  readonly changeByCommit: Map<CommitHash, ChangeInfo>
  /** Applied changes of each actor, oldest first. */
  readonly changesByActor: Map<string, ChangeInfo[]>
  /** Commits that no applied commit follows: what the next one names as deps. */
  readonly heads: Set<CommitHash>
  /** Commits of the log that are not in the document, and why. */
  readonly refused: Map<CommitHash, string>
  /** Which applied commits touched a record, oldest arrival first. */
  readonly commitsByRecord: Map<RecordId, CommitHash[]>
  /** Applied events; and the records about which one stands in several commits (`copies.ts`). */
  readonly eventIds: Set<EventId>
  readonly copied: Set<RecordId>
  /** Events applied: a measure of the document's size. */
  events: number
}

/** What the author must know to write the next commit of a segment. */
export type Derivation = {
  readonly deps: readonly CommitHash[]
  readonly change: Uint8Array
  readonly hash: ChangeHash
  readonly info: Omit<ChangeInfo, 'commit' | 'hlc' | 'seq'>
}

export type Author = { readonly peer: PeerId; readonly incarnation: Incarnation; readonly chain: ChainId }

const GENESIS = encodeChange({
  actor: GENESIS_ACTOR,
  seq: 1,
  startOp: 1,
  deps: [],
  ops: [
    { action: 'makeMap', obj: '_root', key: 'memories', pred: [] },
    { action: 'makeMap', obj: '_root', key: 'links', pred: [] },
  ],
})
const GENESIS_HASH = changeHash(GENESIS)

/** Never given away: a copy of it takes 20 µs, to apply the first change to an empty document 300. */
const BEGINNING = openDocument()
BEGINNING.applyChanges([GENESIS])

export const openSegment = (namespace: Namespace, id: SegmentId): Segment => ({
  namespace,
  id,
  document: createLazyDocument(() => BEGINNING.clone()),
  changeByCommit: new Map(),
  changesByActor: new Map(),
  heads: new Set(),
  refused: new Map(),
  commitsByRecord: new Map(),
  eventIds: new Set(),
  copied: new Set(),
  events: 0,
})

/** actor = SHA-256(peer ‖ incarnation ‖ namespace ‖ segment)[0:16]: a writer's own, in this document, in this incarnation. */
export const actorOf = (author: Author, segment: Segment): string =>
  bytesToHex(
    sha256(hexToBytes(author.peer), hexToBytes(author.incarnation), segment.namespace, hexToBytes(segment.id)).subarray(
      0,
      16,
    ),
  )

/** The change that `events` make on top of `deps`, or the rule that they break. Changes nothing. */
export const derive = (
  segment: Segment,
  author: Author,
  deps: readonly CommitHash[],
  events: readonly DocumentEvent[],
): Derivation | { readonly refused: string } => {
  const past: ChangeInfo[] = []
  for (const dep of deps) {
    const info = segment.changeByCommit.get(dep)
    if (info === undefined) return { refused: segment.refused.has(dep) ? 'dep_refused' : 'dep_of_another_segment' }
    past.push(info)
  }
  const actor = actorOf(author, segment)
  const clock = mergeClocks(past)
  const own = segment.changesByActor.get(actor) ?? []
  if ((clock.get(actor) ?? 0) !== own.length) return { refused: 'own_change_not_in_past' }

  const startOp = past.reduce((most, info) => Math.max(most, info.maxOp), 2) + 1
  const changeDeps = past.length === 0 ? [GENESIS_HASH] : past.map((info) => info.change).sort()
  const view: View = {
    document: segment.document.current,
    isKnown: (record) => segment.commitsByRecord.has(record),
    heads: isPresent(segment, deps) ? null : changeDeps,
    writerOf: (opId) => writerOf(segment, opId),
  }
  const derived = deriveOps(view, events, actor, startOp)
  if ('refused' in derived) return derived

  const before = createdInPast(segment, clock)
  if (before.memories + derived.memories > limits.memories_per_segment_max) return { refused: 'segment_full' }
  if (before.links + derived.links > limits.links_per_segment_max) return { refused: 'segment_full_of_links' }
  const change = encodeChange({ actor, seq: own.length + 1, startOp, deps: changeDeps, ops: derived.ops })
  const ownBefore = own.at(-1)?.created ?? { memories: 0, links: 0 }
  return {
    deps,
    change,
    hash: changeHash(change),
    info: {
      change: changeHash(change),
      chain: author.chain,
      peer: author.peer,
      actor,
      actorSeq: own.length + 1,
      startOp,
      maxOp: startOp + derived.ops.length - 1,
      clock: clock.set(actor, own.length + 1),
      spans: derived.spans,
      created: { memories: ownBefore.memories + derived.memories, links: ownBefore.links + derived.links },
    },
  }
}

/** Puts what `derive` made into the document, under the commit that it was sealed in. */
export const applyDerived = (segment: Segment, derivation: Derivation, commit: Commit): void => {
  segment.document.add(derivation.change, derivation.info.spans.length)
  const info: ChangeInfo = { ...derivation.info, commit: commit.hash, seq: commit.header.seq, hlc: commit.header.hlc }
  segment.changeByCommit.set(commit.hash, info)
  const own = segment.changesByActor.get(info.actor)
  if (own === undefined) segment.changesByActor.set(info.actor, [info])
  else own.push(info)
  for (const dep of derivation.deps) segment.heads.delete(dep)
  segment.heads.add(commit.hash)
  segment.events += info.spans.length
  for (const { record, event } of info.spans) {
    if (segment.eventIds.has(event)) segment.copied.add(record)
    else segment.eventIds.add(event)
    const commits = segment.commitsByRecord.get(record)
    if (commits === undefined) segment.commitsByRecord.set(record, [commit.hash])
    else if (commits.at(-1) !== commit.hash) commits.push(commit.hash)
  }
}

/** Derives, compares with what the commit states, and applies. @returns null, or why it is not in the document. */
export const applyCommit = (segment: Segment, commit: Commit): string | null => {
  const { header } = commit
  const author = { peer: header.peer, incarnation: header.incarnation, chain: commit.chain }
  const events = commit.events.map(({ event }) => event)
  const derivation = events.every(isDocumentEvent)
    ? derive(segment, author, header.deps, events)
    : { refused: 'unknown_kind' }
  const refused =
    'refused' in derivation ? derivation.refused : derivation.hash === header.changeHash ? null : 'change_hash_differs'
  if (refused === null) applyDerived(segment, derivation as Derivation, commit)
  else segment.refused.set(commit.hash, refused)
  return refused
}

/** Leaves a commit out of the document by decision (a revocation, a fork), and with it all that follows. */
export const excludeCommit = (segment: Segment, commit: CommitHash, reason: string): void => {
  segment.refused.set(commit, reason)
}

/** Automerge's heads, ascending: equal on every peer that applied the same commits. */
export const documentHeads = (segment: Segment): readonly string[] => segment.document.current().getHeads().sort()

export const writerOf = (segment: Segment, opId: string): Written => whoWrote(segment.changesByActor, opId).written

/** A rough size in memory: about 2 KiB an event, document and indexes together. */
export const segmentBytes = (segment: Segment): number => 16_384 + segment.events * 2_560

const isPresent = (segment: Segment, deps: readonly CommitHash[]): boolean =>
  deps.length === segment.heads.size && deps.every((dep) => segment.heads.has(dep))

const mergeClocks = (past: readonly ChangeInfo[]): Map<string, number> => {
  const clock = new Map(past[0]?.clock)
  for (const info of past.slice(1))
    for (const [actor, seq] of info.clock) if ((clock.get(actor) ?? 0) < seq) clock.set(actor, seq)
  return clock
}

const createdInPast = (segment: Segment, clock: ReadonlyMap<string, number>): { memories: number; links: number } => {
  const sum = { memories: 0, links: 0 }
  for (const [actor, seq] of clock) {
    const created = segment.changesByActor.get(actor)?.[seq - 1]?.created
    sum.memories += created?.memories ?? 0
    sum.links += created?.links ?? 0
  }
  return sum
}
