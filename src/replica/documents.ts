/**
 * Hot documents: segments rebuilt from the log when somebody needs them, the least recently used dropped when memory is full.
 *
 * A document is a function of the log: replaying a segment's commits in arrival order gives it again, whatever was dropped.
 * A dropped handle may still be in somebody's hands, so its WASM memory is left to the collector (it registers itself).
 */
import { LRUCache } from 'lru-cache'
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { segmentBytes } from '../../crdt/segment.ts'
import type { Commits } from './commits.ts'
import { segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'
import { replay, type OpenSegment } from './replay.ts'

export type { OpenSegment } from './replay.ts'

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

/** @param replayed told of each document that was made again, when it is what the log on stable storage says. */
export const createDocuments = (index: LogIndex, commits: Commits, replayed: (opened: OpenSegment) => void): Documents => {
  const cache = new LRUCache<string, OpenSegment>({
    maxSize: limits.hot_segments_bytes_max,
    sizeCalculation: ({ segment }) => segmentBytes(segment),
  })
  return {
    open: (entry) => {
      const key = segmentKey(entry.namespace, entry.id)
      const hot = cache.get(key)
      if (hot !== undefined) return hot
      const opened = replay(index, commits, entry)
      cache.set(key, opened)
      replayed(opened)
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
