/**
 * Hot documents: segments rebuilt from the log when somebody needs them, the least recently used dropped when memory is full.
 *
 * A document is a function of the log: replaying a segment's commits in arrival order gives it again, whatever was dropped.
 * A dropped handle may still be in somebody's hands, so its WASM memory is left to the collector (it registers itself).
 */
import { LRUCache } from 'lru-cache'
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { applyCommit, excludeCommit, openSegment, segmentBytes, type Segment } from '../../crdt/segment.ts'
import type { Commits } from './commits.ts'
import { isExcluded, noteLost, segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'

export type OpenSegment = {
  readonly segment: Segment
  /** Quarantined commits are missing from it: readable as far as it goes, not to be written to. */
  readonly damaged: boolean
}

export type Documents = {
  open(entry: Pick<SegmentEntry, 'namespace' | 'id'>): OpenSegment
  /** The size has changed: count it again. */
  touched(entry: OpenSegment): void
  drop(entry: Pick<SegmentEntry, 'namespace' | 'id'>): void
  /** Drops those that hold a commit of such a chain, and those that refused one: who wrote that, they do not remember. */
  dropThose(isCut: (chain: ChainId, peer: PeerId, lastSeq: number) => boolean): void
  dropAll(): void
  readonly hot: number
}

export const createDocuments = (index: LogIndex, commits: Commits): Documents => {
  const cache = new LRUCache<string, OpenSegment>({
    maxSize: limits.hot_segments_bytes_max,
    sizeCalculation: ({ segment }) => segmentBytes(segment),
  })
  const replay = (entry: Pick<SegmentEntry, 'namespace' | 'id'>): OpenSegment => {
    const segment = openSegment(entry.namespace, entry.id)
    let damaged = false
    for (const n of index.segments.get(segmentKey(entry.namespace, entry.id))?.arrivals ?? []) {
      const commit = commits.arrived(n)
      if (commit === null) damaged = true
      else if (isExcluded(index, commit)) excludeCommit(segment, commit.hash, 'excluded')
      else if (applyCommit(segment, commit) !== null) noteLost(index, commit)
    }
    return { segment, damaged }
  }
  return {
    open: (entry) => {
      const key = segmentKey(entry.namespace, entry.id)
      const hot = cache.get(key)
      if (hot !== undefined) return hot
      const opened = replay(entry)
      cache.set(key, opened)
      return opened
    },
    touched: (entry) => {
      cache.set(segmentKey(entry.segment.namespace, entry.segment.id), entry)
    },
    drop: (entry) => {
      cache.delete(segmentKey(entry.namespace, entry.id))
    },
    dropThose: (isCut) => {
      for (const [key, { segment }] of cache.entries()) {
        const holds = [...segment.changesByActor.values()].some((infos) => isCut(infos[0]!.chain, infos[0]!.peer, infos.at(-1)!.seq))
        if (holds || segment.refused.size > 0) cache.delete(key)
      }
    },
    dropAll: () => cache.clear(),
    get hot() {
      return cache.size
    },
  }
}
