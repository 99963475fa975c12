/**
 * A segment's document made again from the log, commit by commit, so that whoever has time can stop in between.
 */
import { applyCommit, excludeCommit, openSegment, type Segment } from '../../crdt/segment.ts'
import type { Commits } from './commits.ts'
import { isExcluded, noteLost, segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'

export type OpenSegment = {
  readonly segment: Segment
  /** Quarantined commits are missing from it: readable as far as it goes, not to be written to. */
  readonly damaged: boolean
}

export type Replay = {
  /** Replays one more commit, and answers how many events that had; null when there are no more. What arrived meanwhile is taken in too. */
  step(): number | null
  /** What the steps have made. */
  opened(): OpenSegment
}

export const startReplay = (
  index: LogIndex,
  commits: Commits,
  { namespace, id }: Pick<SegmentEntry, 'namespace' | 'id'>,
): Replay => {
  const segment = openSegment(namespace, id)
  let damaged = false
  let next = 0
  return {
    step: () => {
      const n = index.segments.get(segmentKey(namespace, id))?.arrivals[next]
      if (n === undefined) return null
      next++
      const commit = commits.arrived(n)
      if (commit === null) damaged = true
      else if (isExcluded(index, commit)) excludeCommit(segment, commit.hash, 'excluded')
      else if (applyCommit(segment, commit) !== null) noteLost(index, commit)
      return commit?.events.length ?? 0
    },
    opened: () => ({ segment, damaged }),
  }
}

/** All of it at once. */
export const replay = (
  index: LogIndex,
  commits: Commits,
  entry: Pick<SegmentEntry, 'namespace' | 'id'>,
): OpenSegment => {
  const running = startReplay(index, commits, entry)
  while (running.step() !== null);
  return running.opened()
}
