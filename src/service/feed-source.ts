/**
 * The projection's source: rows that arrivals touched, as the documents say now, with the frontier they bring it to; and of rows
 * that show an older reading of the log, what the later ones touched, again. The two take turns, so that neither waits long.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { ChainId, Namespace } from '../../crdt/ids.ts'
import { CONTROL_NAMESPACE } from '../../crdt/ids.ts'
import type { ProjectionBatch, ProjectionCursor } from '../ports/projection.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'
import { segmentKey, segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import { emptyRows, gatherRows, type Rows } from './gather-rows.ts'
import type { Reader } from './rows.ts'
import { touchedCommits, type Step } from './touched-commits.ts'
import type { Warm } from './warming.ts'

type Frontier = Map<Namespace, Map<ChainId, number>>
/** `last`: the cursor that was answered last; whoever asks with another has not applied that batch, and the mending begins anew. */
type Mending = { readonly from: number; readonly to: number; readonly steps: Iterator<Step>; last: ProjectionCursor }

/** Bytes of commits looked at for one batch: some 20 ms of reading and decoding. */
const LOOKED_AT_BYTES_MAX = 256 * 1024
/** What is looked at costs this much at least. */
const LOOK_BYTES_MIN = 1_024

/** How far rows that are being fed are followed: those that serve, and those that are made beside them. */
type Walk = { known: { at: number; frontier: Frontier }; mending: Mending | null; isArrivalsTurn: boolean; last: ProjectionCursor | null }
const emptyWalk = (): Walk => ({ known: { at: 0, frontier: new Map() }, mending: null, isArrivalsTurn: false, last: null })

/** @param wantsRows false where nobody keeps them (no projection): then only the cursor moves. */
export const createFeedSource = (replica: Replica, store: CommitStore, shell: Shell, reader: Reader, warm: Warm, wantsRows: boolean) => {
  /** The one that was asked last stands first. */
  const walks: [Walk, Walk] = [emptyWalk(), emptyWalk()]
  let writtenAgain = 0

  const epoch = (): string => store.opening.epoch
  const gather = gatherRows(replica, reader)

  /** The documents that rows of these commits are read from. */
  const documentsOf = function* (commits: readonly Commit[]): Generator<SegmentEntry> {
    for (const { header: { namespace, segment }, events } of commits) {
      const entry = segment === null ? undefined : replica.index.segments.get(segmentKey(namespace, segment))
      if (entry !== undefined) yield entry
      for (const { event } of events) if ('record' in event) yield* segmentsOf(replica.index, event.record)
    }
  }
  /** They are hot, and hold nothing that a flush under way has not made durable: rows never do. */
  const ready = async (commits: readonly Commit[]): Promise<void> => {
    await warm(documentsOf(commits))
    while (replica.flushing()) await shell.settled()
  }

  /** That which answered this cursor, or stands there; else the one that was not asked last. */
  const walkFrom = (cursor: ProjectionCursor | null): Walk => {
    const [recent, other] = walks
    const stands = ({ known }: Walk): boolean => known.at === (cursor?.arrival ?? 0)
    if (recent.last !== cursor && (other.last === cursor || !stands(recent))) walks.reverse()
    return walks[0]
  }

  const advance = ({ known }: Walk, to: number): void => {
    for (let n = known.at + 1; n <= to; n++) {
      const arrival = store.arrival(n)
      const namespace = arrival && replica.index.chains.get(arrival.chain)?.namespace
      if (!arrival || !namespace || namespace === CONTROL_NAMESPACE) continue
      raise(known.frontier, namespace, arrival)
    }
    known.at = Math.max(known.at, to)
  }
  /** What a damaged commit left unnamed, as nothing else of its chain was there, is named once it is given again: each right behind what is named. */
  const named = ({ known }: Walk, cursor: ProjectionCursor, commits: readonly Commit[]): ProjectionCursor['frontier'] => {
    const frontier: Record<Namespace, Record<ChainId, number>> = { ...cursor.frontier }
    for (const { chain, header: { namespace, seq } } of commits.toSorted((a, b) => a.header.seq - b.header.seq)) {
      if ((frontier[namespace]?.[chain] ?? 0) !== seq - 1) continue
      frontier[namespace] = { ...frontier[namespace], [chain]: seq }
      if (known.at === cursor.arrival) raise(known.frontier, namespace, { chain, seq })
    }
    return frontier
  }

  const arrived = (walk: Walk, cursor: ProjectionCursor | null, limit: number): ProjectionBatch | null => {
    const after = cursor?.arrival ?? 0
    const last = Math.min(replica.index.arrivals, after + limit)
    if (last <= after) return null
    // The frontier after `at` arrivals: carried from batch to batch, made anew when a batch starts elsewhere.
    if (walk.known.at !== after) walk.known = { at: 0, frontier: new Map() }
    const { known } = walk
    advance(walk, last)
    const rows = emptyRows()
    for (let n = after + 1; wantsRows && n <= last; n++) {
      const commit = replica.commits.arrived(n)
      if (commit !== null) gather.fresh(rows, commit)
    }
    const frontier = Object.fromEntries([...known.frontier].map(([namespace, byChain]) => [namespace, Object.fromEntries(byChain)]))
    return { ...gather.written(rows), cursor: { epoch: epoch(), revision: cursor?.revision ?? replica.revision.current(), arrival: last, frontier }, after }
  }

  const again = async (walk: Walk, cursor: ProjectionCursor, limit: number): Promise<ProjectionBatch> => {
    let { mending } = walk
    if (mending === null || mending.last !== cursor) {
      const touched = replica.revision.after(cursor.revision)
      mending = { from: cursor.revision, to: replica.revision.current(), steps: touchedCommits(replica, wantsRows ? touched : [], cursor.arrival), last: cursor }
      walk.mending = mending
    }
    const rows = emptyRows()
    const commits: Commit[] = []
    const isWhole = await takeSteps(mending.steps, limit, rows, commits)
    const at = { ...cursor, revision: isWhole ? mending.to : mending.from, frontier: named(walk, cursor, commits) }
    const batch = { ...gather.written(rows), removed: gather.removed(rows), mends: mending.from, cursor: at }
    writtenAgain += batch.memories.length + batch.links.length + batch.episodes.length + batch.removed.memories.length + batch.removed.links.length + batch.removed.episodes.length
    if (isWhole) walk.mending = null
    return batch
  }
  /** True when there are no more. */
  const takeSteps = async (steps: Iterator<Step>, limit: number, rows: Rows, met: Commit[]): Promise<boolean> => {
    let bytes = 0
    for (let commits = 0; commits < limit && bytes < LOOKED_AT_BYTES_MAX;) {
      const next = steps.next()
      if (next.done === true) return true
      bytes += Math.max(LOOK_BYTES_MIN, next.value.bytes)
      if (next.value.touched === null) continue
      commits++
      if (next.value.touched.commit.header.namespace !== CONTROL_NAMESPACE) met.push(next.value.touched.commit)
      await ready([next.value.touched.commit])
      gather.again(rows, next.value.touched.commit, next.value.touched.texts)
    }
    return false
  }

  return {
    epoch,
    arrivals: () => replica.index.arrivals,
    revision: replica.revision.current,
    /** Rows written again since the start, because a later reading of the log touched them, or may have. */
    writtenAgain: () => writtenAgain,
    includes: (shown: ProjectionCursor['frontier']): boolean =>
      Object.values(shown).every((seqByChain) => Object.entries(seqByChain).every(([chain, seq]) => (replica.index.chains.get(chain as ChainId)?.seq ?? 0) >= seq)),
    onGrown: (listener: () => void) => shell.onGrown(listener),
    batch: async (cursor: ProjectionCursor | null, limit: number): Promise<ProjectionBatch | null> => {
      const after = cursor?.arrival ?? 0
      await ready(wantsRows ? Array.from({ length: Math.min(limit, replica.index.arrivals - after) }, (_, i) => replica.commits.arrived(after + 1 + i)).filter((commit) => commit !== null) : [])
      const walk = walkFrom(cursor)
      const mends = cursor !== null && cursor.revision < replica.revision.current()
      if (cursor !== null) replica.revision.shown(cursor.revision)
      walk.isArrivalsTurn = !walk.isArrivalsTurn || !mends
      const batch = (walk.isArrivalsTurn ? arrived(walk, cursor, limit) : null) ?? (mends ? await again(walk, cursor, limit) : null)
      walk.last = batch?.cursor ?? cursor
      if (batch !== null && walk.mending !== null) walk.mending.last = batch.cursor
      return batch
    },
  }
}

const raise = (frontier: Frontier, namespace: Namespace, { chain, seq }: { readonly chain: ChainId; readonly seq: number }): void => {
  const byChain = frontier.get(namespace) ?? new Map<ChainId, number>()
  byChain.set(chain, Math.max(byChain.get(chain) ?? 0, seq))
  frontier.set(namespace, byChain)
}
