/**
 * The past of a record, read back from the log: what was said of it, and by which commit.
 */
import { textsOfEvent, type Commit } from '../../crdt/commit.ts'
import type { Event } from '../../crdt/event.ts'
import type { CommitHash, EventId, PeerId, RecordId, Ref } from '../../crdt/ids.ts'
import type { Segment } from '../../crdt/segment.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Said } from './author.ts'
import type { Commits } from './commits.ts'
import { readStatements } from './control-places.ts'
import type { Documents } from './documents.ts'
import {
  clearLogIndex,
  isErased,
  isExcluded,
  segmentKey,
  segmentsOf,
  type LogIndex,
  type SegmentEntry,
} from './log-index.ts'
import { createLogReader } from './read-log.ts'

export type Past = {
  /** Commits on disk whose events touched the record, from all its segments. */
  commitsOf(record: RecordId): Iterable<Commit>
  /** Whether a put of it stands in `fresh` or on disk. */
  isMade(record: RecordId, fresh: readonly Commit[]): boolean
  /** Whether it is read: neither a fork nor a revocation leaves it out, nor what it rests on. */
  counts(commit: Commit): boolean
  /** The event of this derived id, in `fresh` or on disk, by its earliest copy that counts. */
  said(event: EventId, fresh: readonly Commit[]): Said | null
  /** Texts to destroy with these commits, which the index does not hold yet: of records that are erased, every version's, past and to come. */
  erasedBy(fresh: readonly Commit[]): ReadonlySet<Ref>
  /** Makes the index again from the log, after something that was damaged came back, or another control log took the place of ours. */
  reindex(self: PeerId): void
}

/** Copies of one event that are looked at for the answer to a repeated request: any will do, and only somebody dishonest makes many. */
const COPIES_MAX = 64

export const createPast = (index: LogIndex, documents: Documents, commits: Commits, store: CommitStore): Past => {
  const read = function* (
    entries: Iterable<Pick<SegmentEntry, 'namespace' | 'id'>>,
    hashesOf: (segment: Segment) => Iterable<CommitHash>,
  ): Generator<Commit> {
    for (const entry of entries) {
      for (const hash of hashesOf(documents.open(entry).segment)) {
        const commit = commits.byHash(hash)
        if (commit !== null) yield commit
      }
    }
  }
  const commitsOf = (record: RecordId): Iterable<Commit> =>
    read(segmentsOf(index, record), (segment) => segment.commitsByRecord.get(record) ?? [])
  /** The record's segments, those too that only `fresh` tells of: the index knows none by a put that is damaged. */
  const touchedSegments = (
    record: RecordId,
    fresh: readonly Commit[],
  ): Iterable<Pick<SegmentEntry, 'namespace' | 'id'>> => {
    const told = fresh.flatMap(({ header: { namespace, segment }, events }) =>
      segment !== null && events.some(({ event }) => 'record' in event && event.record === record)
        ? [{ namespace, id: segment }]
        : [],
    )
    return new Map(
      [...segmentsOf(index, record), ...told].map((entry) => [segmentKey(entry.namespace, entry.id), entry]),
    ).values()
  }
  /** Commits that touched the record, or are in the log and not in the document: for good, or until what they rest on has been brought again. */
  const everSaid = (record: RecordId, fresh: readonly Commit[]): Iterable<Commit> =>
    read(touchedSegments(record, fresh), (segment) => [
      ...(segment.commitsByRecord.get(record) ?? []),
      ...segment.refused.keys(),
    ])
  const counts = (commit: Commit): boolean => {
    const { namespace, segment } = commit.header
    return (
      !isExcluded(index, commit) &&
      (segment === null || !documents.open({ namespace, id: segment }).segment.refused.has(commit.hash))
    )
  }
  const refsOf = (commit: Commit, record: RecordId): readonly Ref[] =>
    commit.events.flatMap((sealed) => (recordOf(sealed.event) === record ? textsOfEvent(sealed) : []))

  return {
    commitsOf,
    counts,
    isMade: (record, fresh) => {
      for (const candidates of [fresh, commitsOf(record)]) {
        for (const { events } of candidates)
          if (events.some(({ event }) => event.kind === 'memory.put' && event.record === record)) return true
      }
      return false
    },
    said: (event, fresh) => {
      const holding = [
        ...index.events
          .of(event)
          .slice(0, COPIES_MAX)
          .flatMap((n) => commits.arrived(n) ?? [])
          .filter(counts),
        ...fresh,
      ]
        .flatMap((commit) =>
          commit.events.flatMap((sealed) => (sealed.event.id === event ? [{ commit, event: sealed.event }] : [])),
        )
        .sort((a, b) => a.commit.header.hlc - b.commit.header.hlc || (a.commit.hash < b.commit.hash ? -1 : 1))
      const [first] = holding
      if (first === undefined) return null
      // What one attempt wrote, into each document of the memory.
      const written = holding
        .filter(({ commit }) => commit.chain === first.commit.chain)
        .map(({ commit }) => ({ chain: commit.chain, seq: commit.header.seq, hash: commit.hash }))
      return { event: first.event, written }
    },
    erasedBy: (fresh) => {
      const records = new Set(
        fresh.flatMap(({ events }) =>
          events.flatMap(({ event }) => (event.kind === 'memory.erase' ? [event.record] : [])),
        ),
      )
      const isGone = (record: RecordId): boolean => records.has(record) || isErased(index, record)
      const touched = fresh.flatMap((commit) =>
        commit.events.flatMap(({ event }) => {
          const record = recordOf(event)
          return record !== null && isGone(record) ? [[commit, record] as const] : []
        }),
      )
      const earlier = [...new Set(touched.map(([, record]) => record))].flatMap((record) =>
        [...everSaid(record, fresh)].map((commit) => [commit, record] as const),
      )
      return new Set([...touched, ...earlier].flatMap(([commit, record]) => refsOf(commit, record)))
    },
    reindex: (self) => {
      clearLogIndex(index)
      commits.forget()
      documents.dropAll()
      readStatements(index, store)
      const reader = createLogReader(index, store, commits, self)
      for (let n = 1; n <= store.arrivals(); n++) {
        const arrival = store.arrival(n)
        const commit = arrival && commits.at(arrival.chain, arrival.seq)
        if (arrival === null) reader.lost(n)
        else if (commit === null) reader.damaged(arrival)
        else reader.commit(commit, n)
      }
      reader.end()
    },
  }
}

/** What it is about, understood or not: an erasing takes the texts of both. */
const recordOf = (event: Event): RecordId | null =>
  event.kind === 'unknown' ? event.about : 'record' in event ? event.record : null
