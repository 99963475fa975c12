/**
 * The projection's source: rows that arrivals touched, as the documents say now, with how far these brought their chains; and of rows
 * that show an older reading of the log, what the later ones touched, again. The two take turns, so that neither waits long.
 *
 * A batch takes what its arrivals take, however many chains and namespaces there are: the rows know how far each is.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { Position } from '../../crdt/frontier.ts'
import type { ChainId } from '../../crdt/ids.ts'
import type { ChainPlace, ProjectionBatch, ProjectionCursor } from '../ports/projection.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'
import { isControlChain } from '../replica/control-places.ts'
import { segmentKey, segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import { emptyRows, gatherRows, type Rows } from './gather-rows.ts'
import type { Reader } from './rows.ts'
import { touchedCommits, type Step } from './touched-commits.ts'
import type { Warm } from './warming.ts'

/** What is touched, and behind it the chains that it lies in: what is named of them may be more or less by the later reading. */
type MendingStep = Step | { readonly bytes: number; readonly moved: ChainId }
/** `last`: the cursor that was answered last; whoever asks with another has not applied that batch, and the mending begins anew. */
type Mending = {
  readonly from: number
  readonly to: number
  readonly steps: Iterator<MendingStep>
  last: ProjectionCursor
}

/** Bytes of commits looked at for one batch: some 20 ms of reading and decoding. */
const LOOKED_AT_BYTES_MAX = 256 * 1024
/** What is looked at costs this much at least. */
const LOOK_BYTES_MIN = 1_024

/** Rows that are being fed, those that serve or those that are made beside them: what they are believed to show. */
type Walk = { mending: Mending | null; isArrivalsTurn: boolean; last: ProjectionCursor | null }
const emptyWalk = (): Walk => ({ mending: null, isArrivalsTurn: false, last: null })

/** @param wantsRows false where nobody keeps them (no projection): then only the cursor moves. */
export const createFeedSource = (
  replica: Replica,
  store: CommitStore,
  shell: Shell,
  reader: Reader,
  warm: Warm,
  wantsRows: boolean,
) => {
  const { index } = replica
  /** The one that was asked last stands first. */
  const walks: [Walk, Walk] = [emptyWalk(), emptyWalk()]
  let writtenAgain = 0

  const epoch = (): string => store.opening.epoch
  const gather = gatherRows(replica, reader)

  /** The documents that rows of these commits are read from. */
  const documentsOf = function* (commits: readonly Commit[]): Generator<SegmentEntry> {
    for (const {
      header: { namespace, segment },
      events,
    } of commits) {
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
    const stands = ({ last }: Walk): boolean => (last?.arrival ?? 0) === (cursor?.arrival ?? 0)
    if (recent.last !== cursor && (other.last === cursor || !stands(recent))) walks.reverse()
    return walks[0]
  }

  /** @param arrived how much of the chain the batch brings, 0 for nothing. */
  const placeOf = (chain: ChainId, arrived: number): ChainPlace => {
    const state = index.chains.get(chain)
    const counts = state?.seq ?? 0
    return {
      chain,
      namespace: state?.namespace || null,
      arrived,
      counted: arrived === 0 ? counts : Math.min(arrived, counts),
    }
  }

  const arrived = (cursor: ProjectionCursor | null, limit: number): ProjectionBatch | null => {
    const after = cursor?.arrival ?? 0
    const last = Math.min(index.arrivals, after + limit)
    if (last <= after) return null
    const rows = emptyRows()
    const arrivedByChain = new Map<ChainId, number>()
    for (let n = after + 1; n <= last; n++) {
      const arrival = store.arrival(n)
      if (arrival !== null && !isControlChain(index, arrival.chain))
        arrivedByChain.set(arrival.chain, Math.max(arrival.seq, arrivedByChain.get(arrival.chain) ?? 0))
      const commit = wantsRows ? replica.commits.arrived(n) : null
      if (commit !== null) gather.fresh(rows, commit)
    }
    const chains = Array.from(arrivedByChain, ([chain, seq]) => placeOf(chain, seq))
    return {
      ...gather.written(rows),
      chains,
      cursor: { epoch: epoch(), revision: cursor?.revision ?? replica.revision.current(), arrival: last },
      after,
    }
  }

  const again = async (walk: Walk, cursor: ProjectionCursor, limit: number): Promise<ProjectionBatch> => {
    let { mending } = walk
    if (mending === null || mending.last !== cursor) {
      const touched = replica.revision.after(cursor.revision)
      mending = {
        from: cursor.revision,
        to: replica.revision.current(),
        steps: withChains(touchedCommits(replica, wantsRows ? touched : [], cursor.arrival), (chain) =>
          isControlChain(index, chain),
        ),
        last: cursor,
      }
      walk.mending = mending
    }
    const rows = emptyRows()
    const chains: ChainPlace[] = []
    const isWhole = await takeSteps(mending.steps, limit, rows, chains)
    const batch = {
      ...gather.written(rows),
      removed: gather.removed(rows),
      chains,
      mends: mending.from,
      cursor: { ...cursor, revision: isWhole ? mending.to : mending.from },
    }
    writtenAgain +=
      batch.memories.length +
      batch.links.length +
      batch.episodes.length +
      batch.removed.memories.length +
      batch.removed.links.length +
      batch.removed.episodes.length
    if (isWhole) walk.mending = null
    return batch
  }
  /** True when there are no more. */
  const takeSteps = async (
    steps: Iterator<MendingStep>,
    limit: number,
    rows: Rows,
    chains: ChainPlace[],
  ): Promise<boolean> => {
    let bytes = 0
    for (let commits = 0; commits < limit && bytes < LOOKED_AT_BYTES_MAX;) {
      const next = steps.next()
      if (next.done === true) return true
      bytes += Math.max(LOOK_BYTES_MIN, next.value.bytes)
      if ('moved' in next.value) chains.push(placeOf(next.value.moved, 0))
      else if (next.value.touched !== null) {
        commits++
        await ready([next.value.touched.commit])
        gather.again(rows, next.value.touched.commit, next.value.touched.texts)
      }
    }
    return false
  }

  return {
    epoch,
    arrivals: () => index.arrivals,
    revision: replica.revision.current,
    /** Rows written again since the start, because a later reading of the log touched them, or may have. */
    writtenAgain: () => writtenAgain,
    includes: (shown: readonly Position[]): boolean =>
      shown.every(({ chain, seq }) => (index.chains.get(chain)?.seq ?? 0) >= seq),
    onGrown: (listener: () => void) => shell.onGrown(listener),
    batch: async (cursor: ProjectionCursor | null, limit: number): Promise<ProjectionBatch | null> => {
      const after = cursor?.arrival ?? 0
      await ready(
        wantsRows
          ? Array.from({ length: Math.min(limit, replica.index.arrivals - after) }, (_, i) =>
              replica.commits.arrived(after + 1 + i),
            ).filter((commit) => commit !== null)
          : [],
      )
      const walk = walkFrom(cursor)
      const mends = cursor !== null && cursor.revision < replica.revision.current()
      if (cursor !== null) replica.revision.shown(cursor.revision)
      walk.isArrivalsTurn = !walk.isArrivalsTurn || !mends
      const batch =
        (walk.isArrivalsTurn ? arrived(cursor, limit) : null) ?? (mends ? await again(walk, cursor, limit) : null)
      walk.last = batch?.cursor ?? cursor
      if (batch !== null && walk.mending !== null) walk.mending.last = batch.cursor
      return batch
    },
  }
}

const withChains = function* (steps: Iterable<Step>, isControl: (chain: ChainId) => boolean): Generator<MendingStep> {
  const moved = new Set<ChainId>()
  for (const step of steps) {
    const chain = step.touched?.commit.chain
    if (chain !== undefined && !isControl(chain)) moved.add(chain)
    yield step
  }
  for (const chain of moved) yield { bytes: 0, moved: chain }
}
