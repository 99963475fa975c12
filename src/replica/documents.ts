/**
 * Hot documents: segments rebuilt from the log when somebody needs them, the least recently used dropped when memory is full.
 *
 * A document is a function of the log: replaying a segment's commits in arrival order gives it again, whatever was dropped. Only one
 * that holds a commit on its way to the disk is ahead of the log, and is kept until that flush has ended.
 * A dropped handle may still be in somebody's hands, so its WASM memory is left to the collector (it registers itself).
 */
import { LRUCache } from 'lru-cache'
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { segmentBytes } from '../../crdt/segment.ts'
import type { Commits } from './commits.ts'
import { segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'
import { replay, startReplay, type OpenSegment, type Replay } from './replay.ts'

export type { OpenSegment } from './replay.ts'

export type Documents = {
  open(entry: Pick<SegmentEntry, 'namespace' | 'id'>): OpenSegment
  isHot(entry: Pick<SegmentEntry, 'namespace' | 'id'>): boolean
  /** Replays one more commit of a document that is not hot, and answers how many events it had; null when it is. One document at a time is made so. */
  warm(entry: Pick<SegmentEntry, 'namespace' | 'id'>): number | null
  /** The size has changed: count it again. */
  touched(entry: OpenSegment): void
  /** It holds a commit that is not on disk: made again it would lack that, so it stays until `landed`. As many as one flush writes to. */
  ahead(entry: OpenSegment): void
  /** The flush has ended, and its commits are in the index; documents of one that failed were dropped. */
  landed(): void
  drop(entry: Pick<SegmentEntry, 'namespace' | 'id'>): void
  /** Drops those that hold a commit of such a chain, and those that refused one: who wrote that, they do not remember. */
  dropThose(isCut: (chain: ChainId, peer: PeerId, lastSeq: number) => boolean): void
  /** All that can be made again. */
  dropAll(): void
  readonly hot: number
}

/** @param replayed told of each document that was made again, when it is what the log on stable storage says. @param bytesMax of those that can be made again. */
export const createDocuments = (
  index: LogIndex,
  commits: Commits,
  replayed: (opened: OpenSegment) => void,
  bytesMax: number = limits.hot_segments_bytes_max,
): Documents => {
  const cache = new LRUCache<string, OpenSegment>({
    maxSize: bytesMax,
    sizeCalculation: ({ segment }) => segmentBytes(segment),
  })
  const aheadOfLog = new Map<string, OpenSegment>()
  let warming: { readonly key: string; readonly replay: Replay } | null = null
  const keyOf = ({ segment }: OpenSegment): string => segmentKey(segment.namespace, segment.id)
  const take = (key: string, opened: OpenSegment): OpenSegment => {
    cache.set(key, opened)
    replayed(opened)
    return opened
  }
  const stopWarming = (): void => {
    warming?.replay.opened().segment.document.free()
    warming = null
  }
  return {
    isHot: ({ namespace, id }) => aheadOfLog.has(segmentKey(namespace, id)) || cache.has(segmentKey(namespace, id)),
    warm: (entry) => {
      const key = segmentKey(entry.namespace, entry.id)
      if (aheadOfLog.has(key) || cache.get(key) !== undefined) return null
      if (warming?.key !== key) stopWarming()
      warming ??= { key, replay: startReplay(index, commits, entry) }
      const events = warming.replay.step()
      if (events !== null) return events
      take(key, warming.replay.opened())
      warming = null
      return null
    },
    open: (entry) => {
      const key = segmentKey(entry.namespace, entry.id)
      const hot = aheadOfLog.get(key) ?? cache.get(key)
      if (hot !== undefined) return hot
      return take(key, replay(index, commits, entry))
    },
    touched: (entry) => {
      cache.set(keyOf(entry), entry)
    },
    ahead: (entry) => {
      aheadOfLog.set(keyOf(entry), entry)
    },
    landed: () => {
      for (const [key, entry] of aheadOfLog) cache.set(key, entry)
      aheadOfLog.clear()
    },
    drop: (entry) => {
      const key = segmentKey(entry.namespace, entry.id)
      aheadOfLog.delete(key)
      cache.delete(key)
      if (warming?.key === key) stopWarming()
    },
    dropThose: (isCut) => {
      // What it has replayed already may be what goes.
      stopWarming()
      for (const [key, { segment }] of cache.entries()) {
        const holds = [...segment.changesByActor.values()].some((infos) =>
          isCut(infos[0]!.chain, infos[0]!.peer, infos.at(-1)!.seq),
        )
        if (holds || segment.refused.size > 0) cache.delete(key)
      }
    },
    dropAll: () => {
      stopWarming()
      cache.clear()
    },
    get hot() {
      return cache.size + [...aheadOfLog.keys()].filter((key) => !cache.has(key)).length
    },
  }
}
