/**
 * The log's index in memory: what the opening scan and every flush leave behind, so that a question to the log is a look-up.
 *
 * Invariant: it describes exactly what is on stable storage. What a flush under way adds is in `inflight.ts` until then.
 */
import { extendChain, type ChainState } from '../../crdt/chain.ts'
import type { Commit, CommitHeader } from '../../crdt/commit.ts'
import {
  emptyControl,
  firstExcluded,
  levelAt,
  levelOf,
  policyPlace,
  reduceControl,
  type ControlState,
} from '../../crdt/control.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import {
  CONTROL_NAMESPACE,
  ZERO_HASH,
  hexToBytes,
  segmentIndex,
  segmentOwner,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type EventId,
  type MeshId,
  type Namespace,
  type PeerId,
  type RecordId,
  type SegmentId,
} from '../../crdt/ids.ts'
import { OWN_READS, readsAt, type Reads } from '../../crdt/event-schema.ts'
import type { VerifiedCommit } from '../../crdt/commit.ts'
import { completedSubtree, leafHash } from '../../crdt/merkle.ts'
import { Chains } from './chains.ts'
import { beginningOf, firstLine, isControlChain, isOfLine, type FollowedLine } from './control-places.ts'
import { createEventIndex, type EventIndex } from './event-index.ts'
import { createSortedKeys, type SortedKeys } from './sorted-keys.ts'

const BLOCK_HEIGHT = 8
/** Commits in a block of a chain's history: a root of 32 bytes for each, and at most so many read at either end of a path. */
export const BLOCK_COMMITS = 2 ** BLOCK_HEIGHT

/** A segment as the log knows it: the arrival numbers of its commits, in order. */
export type SegmentEntry = {
  readonly namespace: Namespace
  readonly id: SegmentId
  readonly arrivals: number[]
  /** The last commit that each chain has here, in the document or left out of it. */
  readonly lastSeqs: Map<ChainId, number>
  /** The document's heads, by the commits that made them; as if nothing were refused, until it has been looked at (`document-digests.ts`). */
  readonly heads: Map<CommitHash, ChangeHash>
  /** Memories its owner created here. */
  memories: number
  /** When these were made, by those who made them, ms since 1970: the first and the last of them. */
  /** When its oldest and newest memory were made, by their authors: RFC 3339 of one width, so text compares as time. '' without any. */
  oldestAt: string
  newestAt: string
}

export type LogIndex = {
  readonly mesh: MeshId
  /** What this peer's build reads. */
  readonly reads: Reads
  readonly chains: Chains
  /** The history's roots over each complete block of `BLOCK_COMMITS` commits of a chain, from its beginning (`histories.ts`). */
  readonly blocks: Map<ChainId, Uint8Array[]>
  control: ControlState
  /** The chains in which its statements lie, and those that were left for them. */
  followed: FollowedLine
  readonly segments: Map<string, SegmentEntry>
  /** The segments that hold a memory or a link; more than one where it has twins. */
  readonly segmentsByRecord: Map<RecordId, SegmentEntry | SegmentEntry[]>
  /** Links that begin or end at a memory. */
  readonly linksByRecord: Map<RecordId, Set<RecordId>>
  readonly namespaces: Set<Namespace>
  /** Of `namespaces`. */
  readonly sortedNamespaces: SortedKeys<Namespace>
  /** Where events stand whose ids follow from a key. */
  readonly events: EventIndex
  /** Where the erasing of a memory stands in the log. */
  readonly erasures: Map<RecordId, readonly { readonly chain: ChainId; readonly seq: number }[]>
  /** Highest segment index of our own, by namespace. */
  readonly ownSegment: Map<Namespace, number>
  /** Quarantined commits by chain and seq, to be fetched again: what comes must have this hash. */
  readonly holes: Map<string, { readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash }>
  /** Those, and every commit that rests on one: the document lacks them when it is made again. */
  readonly lost: Map<CommitHash, { readonly chain: ChainId; readonly seq: number }>
  /** Commits that lie in the store with a part of their past lost, by chain and seq: as if they were not here, until they are given again. */
  readonly setAside: Map<string, { readonly hash: CommitHash; readonly n: number }>
  /** Events that wait to be said again by whoever said them (`left-behind.ts`): where they stood. */
  readonly unsaid: Map<EventId, { readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash }>
  /** The first seq of each forked chain that does not count. */
  readonly forkedAt: Map<ChainId, number>
  /** Peers of whom so many chains forked that none counts: each of their chains that is here is forked at 1. */
  readonly out: Set<PeerId>
  /** The last commit of each forked chain that is in the store, on its branch. */
  readonly branchEnds: Map<ChainId, number>
  /** Events read so far of a kind, or with fields, that mean nothing here. */
  unknownEvents: number
  arrivals: number
}

export const createLogIndex = (mesh: MeshId, reads: Reads = OWN_READS): LogIndex => ({
  mesh,
  reads,
  chains: new Chains(),
  blocks: new Map(),
  control: emptyControl(mesh),
  followed: firstLine(mesh),
  segments: new Map(),
  segmentsByRecord: new Map(),
  linksByRecord: new Map(),
  namespaces: new Set(),
  sortedNamespaces: createSortedKeys(),
  events: createEventIndex(),
  erasures: new Map(),
  ownSegment: new Map(),
  holes: new Map(),
  lost: new Map(),
  setAside: new Map(),
  unsaid: new Map(),
  forkedAt: new Map(),
  out: new Set(),
  branchEnds: new Map(),
  unknownEvents: 0,
  arrivals: 0,
})

export const segmentKey = (namespace: Namespace, id: SegmentId): string => `${namespace} ${id}`

/** Takes in the next arrival. The caller has admitted it, or reads it back from the store. */
export const indexCommit = (index: LogIndex, commit: Commit, arrival: number, self: PeerId): void => {
  const { header, chain } = commit
  index.arrivals = Math.max(index.arrivals, arrival)
  if (header.namespace !== CONTROL_NAMESPACE) index.namespaces.add(header.namespace)
  else if (!isOfLine(index, chain, header.seq)) return
  else if (header.seq > index.control.seq)
    index.control = reduceControl(index.control, commit as VerifiedCommit, index.reads)
  const known = index.chains.get(chain)
  const state =
    known !== undefined && known.peer !== ('' as PeerId)
      ? known
      : {
          ...(known ?? beginningOf(index, chain, header)),
          peer: header.peer,
          incarnation: header.incarnation,
          namespace: header.namespace,
        }
  const policySeq =
    header.namespace === CONTROL_NAMESPACE
      ? header.seq - 1
      : (policyPlace(index.control, header.policy, header.peer) ?? state.policySeq)
  if (index.out.has(header.peer)) index.forkedAt.set(chain, 1)
  // What lies on a branch stays in the log, and counts for nothing.
  if (header.seq < forkAt(index, chain)) extend(index, state, commit, policySeq)
  else noteBranch(index, chain, header.seq)
  if (header.segment !== null) indexSegment(index, commit, header.segment, arrival, self)
  for (const { event } of commit.events) index.events.add(event.id, arrival)
  for (const { unread } of commit.events) if (unread !== undefined) index.unknownEvents++
  noteLost(index, commit)
}

/** Notes a commit that rests on a damaged one. */
export const noteLost = (index: LogIndex, { hash, chain, header }: Commit): void => {
  if (index.lost.size > 0 && header.deps.some((dep) => index.lost.has(dep)))
    index.lost.set(hash, { chain, seq: header.seq })
}

/** A damaged arrival: its place and hash are known, its content is not. The chain goes on behind it. */
export const indexHole = (
  index: LogIndex,
  place: { readonly n: number; readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash },
): void => {
  index.arrivals = Math.max(index.arrivals, place.n)
  if (!markHole(index, place)) return
  const state =
    index.chains.get(place.chain) ??
    beginningOf(index, place.chain, { peer: '' as PeerId, incarnation: '' as never, namespace: '' as never })
  if (place.seq !== state.seq + 1) return
  // Under what it was begun its first commit that can be read tells.
  const { begunAt } = state
  extend(index, state, { hash: place.hash, header: { seq: place.seq, hlc: state.hlc } } as Commit, state.policySeq)
  index.chains.set(place.chain, { ...index.chains.get(place.chain)!, begunAt })
}

/** Somebody may bring it again; not what lies on a branch, or in a control log that was left, which counts nowhere: false. */
export const markHole = (
  index: LogIndex,
  { chain, seq, hash }: { readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash },
): boolean => {
  if (isControlChain(index, chain) && !isOfLine(index, chain, seq)) return false
  if (seq >= forkAt(index, chain)) {
    noteBranch(index, chain, seq)
    return false
  }
  index.holes.set(placeKey(chain, seq), { chain, seq, hash })
  index.lost.set(hash, { chain, seq })
  return true
}

/** What we write comes after all that the log holds, for it may build on any of it. */
export const latest = (index: LogIndex, hlc: Hlc): Hlc => {
  let last = hlc
  for (const chain of index.chains.values()) if (chain.hlc > last) last = chain.hlc
  return last
}

/** How far a chain is here without a gap: it goes on behind what is lost or yet to be said again, but whoever asks for that has to wait. */
export const wholeUpTo = (index: LogIndex, chain: ChainId): number => {
  let end = index.chains.get(chain)?.seq ?? 0
  for (const gaps of [index.lost, index.unsaid])
    for (const gap of gaps.values()) if (gap.chain === chain && gap.seq <= end) end = gap.seq - 1
  return end
}

export const forkAt = (index: LogIndex, chain: ChainId): number => index.forkedAt.get(chain) ?? Number.POSITIVE_INFINITY

/** The chain ends before `at` from now on. @param before hash of the commit there, null when `at` is its first. */
export const cutChain = (index: LogIndex, chain: ChainId, at: number, before: CommitHash | null): void => {
  index.forkedAt.set(chain, Math.min(at, forkAt(index, chain)))
  const state = index.chains.get(chain)
  if (state !== undefined && state.seq >= at) noteBranch(index, chain, state.seq)
  // Nobody brings again what counts nowhere.
  for (const [place, hole] of index.holes) if (hole.chain === chain && hole.seq >= at) index.holes.delete(place)
  for (const [hash, lost] of index.lost) if (lost.chain === chain && lost.seq >= at) index.lost.delete(hash)
  if (state !== undefined && state.seq >= at)
    index.chains.set(chain, { ...state, seq: at - 1, hash: before ?? (ZERO_HASH as CommitHash) })
}

const noteBranch = (index: LogIndex, chain: ChainId, seq: number): void => {
  index.branchEnds.set(chain, Math.max(seq, index.branchEnds.get(chain) ?? 0))
}

/** Forgets everything that was read from the log, for reading it again. */
export const clearLogIndex = (index: LogIndex): void => {
  for (const part of [
    index.chains,
    index.blocks,
    index.segments,
    index.segmentsByRecord,
    index.linksByRecord,
    index.namespaces,
    index.sortedNamespaces,
    index.events,
    index.erasures,
    index.ownSegment,
    index.holes,
    index.lost,
    index.setAside,
    index.unsaid,
    index.branchEnds,
  ])
    part.clear()
  // What is known of other lines is not read from the log.
  index.control = { ...emptyControl(index.mesh), lost: index.control.lost }
  index.unknownEvents = 0
  index.arrivals = 0
}

export const placeKey = (chain: ChainId, seq: number): string => `${chain} ${seq}`

export const segmentsOf = (index: LogIndex, record: RecordId): readonly SegmentEntry[] => {
  const found = index.segmentsByRecord.get(record)
  return found === undefined ? [] : Array.isArray(found) ? found : [found]
}

/** The first seq of the chain that a cut or a fork leaves out of the documents; Infinity when all of it counts. */
const firstLeftOut = (index: LogIndex, chain: Pick<ChainState, 'id' | 'peer' | 'begunAt'>): number =>
  Math.min(forkAt(index, chain.id), firstExcluded(index.control, chain))

/** Whether the commit is left out of the documents: for good, by a cut or a fork; or by a build that cannot read it. */
export const isExcluded = (index: LogIndex, commit: Commit): boolean =>
  commit.header.seq >=
    firstLeftOut(
      index,
      index.chains.get(commit.chain) ?? { id: commit.chain, peer: commit.header.peer, begunAt: null },
    ) || isBeyondUs(index, commit)

/** Written at a format level that this peer's build does not read: kept, and shown to nobody. */
export const isBeyondUs = (index: LogIndex, { header }: Pick<Commit, 'header'>): boolean =>
  header.namespace !== CONTROL_NAMESPACE &&
  index.control.levels.length > 0 &&
  levelOf(index.control, header) > index.reads.level

/** As what a commit of the log is read. */
export const readsOf = ({ control, reads }: Pick<LogIndex, 'control' | 'reads'>, header: CommitHeader): Reads =>
  readsAt(reads, levelOf(control, header))

/** In force now: what is written from here on is read at it. */
export const levelNow = ({ control }: Pick<LogIndex, 'control'>): number => levelAt(control, control.seq)

/** The same of a place in a chain that is here. */
export const isLeftOut = (index: LogIndex, chain: ChainId, seq: number): boolean => {
  const state = index.chains.get(chain)
  return seq >= (state === undefined ? forkAt(index, chain) : firstLeftOut(index, state))
}

/** Why what `self` wrote at a place of its own counts nowhere, for good: `forked`, `revoked`. Null where it counts, or is written again. */
export const whyLeftOut = (index: LogIndex, self: PeerId, chain: ChainId, seq: number): string | null => {
  if (index.chains.get(chain)?.peer !== self) return null
  if (seq >= forkAt(index, chain)) return 'forked'
  return (index.control.members.get(self)?.revoked ?? null) !== null && isLeftOut(index, chain, seq) ? 'revoked' : null
}

/**
 * Whether somebody has erased the memory, and did not fork. What a revocation leaves out of the documents has destroyed texts all the
 * same, on every member, as all hold it in their logs.
 */
export const isErased = (index: LogIndex, record: RecordId): boolean =>
  index.erasures.get(record)?.some(({ chain, seq }) => seq < forkAt(index, chain)) === true

export const hasHoleIn = (index: LogIndex, chain: ChainId): boolean => {
  for (const hole of index.holes.values()) if (hole.chain === chain) return true
  return false
}

const extend = (index: LogIndex, state: ChainState, commit: Commit, policySeq: number): void => {
  if (commit.header.seq % BLOCK_COMMITS === 0) {
    const block = completedSubtree(state.history, leafHash(hexToBytes(commit.hash)), BLOCK_HEIGHT)
    const blocks = index.blocks.get(state.id) ?? []
    blocks[commit.header.seq / BLOCK_COMMITS - 1] = block!
    index.blocks.set(state.id, blocks)
  }
  index.chains.set(state.id, extendChain(state, commit, policySeq))
}

const indexSegment = (index: LogIndex, commit: Commit, id: SegmentId, arrival: number, self: PeerId): void => {
  const { namespace } = commit.header
  const key = segmentKey(namespace, id)
  const entry: SegmentEntry = index.segments.get(key) ?? {
    namespace,
    id,
    arrivals: [],
    lastSeqs: new Map(),
    heads: new Map(),
    memories: 0,
    oldestAt: '',
    newestAt: '',
  }
  index.segments.set(key, entry)
  entry.arrivals.push(arrival)
  entry.lastSeqs.set(commit.chain, Math.max(commit.header.seq, entry.lastSeqs.get(commit.chain) ?? 0))
  for (const dep of commit.header.deps) entry.heads.delete(dep)
  entry.heads.set(commit.hash, commit.header.changeHash!)
  if (segmentOwner(id) === self)
    index.ownSegment.set(namespace, Math.max(index.ownSegment.get(namespace) ?? 0, segmentIndex(id)))
  for (const { event } of commit.events) {
    if (event.kind === 'memory.put') noteMemory(entry, event.at)
    if (event.kind === 'memory.put' || event.kind === 'memory.patch')
      noteHappened(index, entry, event.record, event.set.occurred_at)
    if (event.kind === 'memory.put' || event.kind === 'link.put') addRecord(index, event.record, entry)
    if (event.kind === 'link.put')
      for (const end of [event.from, event.to])
        index.linksByRecord.set(end, (index.linksByRecord.get(end) ?? new Set()).add(event.record))
    if (event.kind === 'memory.erase')
      index.erasures.set(event.record, [
        ...(index.erasures.get(event.record) ?? []),
        { chain: commit.chain, seq: commit.header.seq },
      ])
  }
}

const noteMemory = (entry: SegmentEntry, at: string): void => {
  noteTime(entry, at)
  entry.memories++
}

const noteTime = (entry: SegmentEntry, at: string): void => {
  if (entry.oldestAt === '' || at < entry.oldestAt) entry.oldestAt = at
  if (at > entry.newestAt) entry.newestAt = at
}

/** A memory has its place in lists by when it happened, wherever that was said of it. */
const noteHappened = (index: LogIndex, entry: SegmentEntry, record: RecordId, at: string | null | undefined): void => {
  if (typeof at !== 'string') return
  noteTime(entry, at)
  const known = index.segmentsByRecord.get(record)
  for (const holder of known === undefined ? [] : Array.isArray(known) ? known : [known]) noteTime(holder, at)
}

const addRecord = (index: LogIndex, record: RecordId, entry: SegmentEntry): void => {
  const known = index.segmentsByRecord.get(record)
  if (known === undefined) index.segmentsByRecord.set(record, entry)
  else if (Array.isArray(known)) {
    if (!known.includes(entry)) known.push(entry)
  } else if (known !== entry) index.segmentsByRecord.set(record, [known, entry])
}
