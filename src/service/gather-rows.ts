/**
 * Rows of commits, as the documents say now: of new ones what they touched, of those whose standing changed also what is to go.
 */
import type { Commit } from '../../crdt/commit.ts'
import { bodyRefs, type EpisodeAppend, type Event } from '../../crdt/event.ts'
import type { CommitHash, EventId, RecordId, Ref } from '../../crdt/ids.ts'
import type { EpisodeRow, EventRow, LinkRow, MemoryRow, ProjectionBatch, RemovedRows } from '../ports/projection.ts'
import { isErased, segmentsOf } from '../replica/log-index.ts'
import { createCopies } from '../replica/event-copies.ts'
import type { Replica } from '../replica/replica-types.ts'
import { conflictRows, episodeRow, eventFacts, type Reader } from './rows.ts'

/** A row that is null stands in no document that counts. */
export type Rows = {
  readonly memories: Map<RecordId, MemoryRow | null>
  readonly links: Map<RecordId, LinkRow | null>
  readonly episodes: EpisodeRow[]
  readonly events: EventRow[]
  /** Of commits that count no longer. */
  readonly goneEpisodes: EventId[]
  readonly goneCommits: CommitHash[]
}

export const emptyRows = (): Rows => ({
  memories: new Map(),
  links: new Map(),
  episodes: [],
  events: [],
  goneEpisodes: [],
  goneCommits: [],
})

export const gatherRows = (replica: Replica, reader: Reader) => {
  const { index, documents } = replica
  const copies = createCopies(replica, replica.text)
  const put = <Row>(rows: Map<RecordId, Row | null>, id: RecordId, read: (id: RecordId) => Row | null): void => {
    if (!rows.has(id)) rows.set(id, read(id))
  }
  const record = (rows: Rows, event: Event): void => {
    if (!('record' in event)) return
    if (event.kind.startsWith('link.')) put(rows.links, event.record, reader.link)
    else put(rows.memories, event.record, reader.memory)
  }
  /** By its earliest copy that counts, whichever this is. */
  const episode = (rows: Rows, event: EpisodeAppend, own?: Commit): void => {
    const first = copies.episode(event) ?? (own && { commit: own, event })
    if (first === null || first === undefined) rows.goneEpisodes.push(event.id)
    else rows.episodes.push(episodeRow(first.commit, first.event, reader.texts))
  }
  const say = (rows: Rows, commit: Commit, event: Event): void => {
    rows.events.push({ ...eventFacts(commit, event), hlc: commit.header.hlc })
    if (event.kind === 'episode.append') episode(rows, event, commit)
  }
  /** A document with a hole shows less than its rows may: what it lacks is no reason to take a row away. */
  const isWhole = (id: RecordId): boolean => segmentsOf(index, id).every((entry) => !documents.open(entry).damaged)
  const gone = (rows: ReadonlyMap<RecordId, unknown>): readonly RecordId[] =>
    [...rows].flatMap(([id, row]) => (row === null && isWhole(id) ? [id] : []))

  return {
    /** Of a commit that the rows do not hold yet. */
    fresh: (rows: Rows, commit: Commit): void => {
      const counted = replica.counts(commit)
      for (const event of commit.events.map((sealed) => sealed.event)) {
        // Its texts are gone, whatever becomes of it.
        if (event.kind === 'memory.erase' || counted) record(rows, event)
        if (counted) say(rows, commit, event)
      }
    },
    /** Of one that they hold, or held, or left out. @param texts only of events that name one of these. */
    again: (rows: Rows, commit: Commit, texts: ReadonlySet<Ref> | null): void => {
      const counted = replica.counts(commit)
      if (!counted) rows.goneCommits.push(commit.hash)
      for (const { event } of commit.events) {
        if (texts !== null && !bodyRefs(event).some(({ ref }) => texts.has(ref))) continue
        record(rows, event)
        if (counted) say(rows, commit, event)
        else if (event.kind === 'episode.append') episode(rows, event)
      }
    },
    written: (rows: Rows): Pick<ProjectionBatch, 'memories' | 'links' | 'episodes' | 'events' | 'conflicts'> => {
      const memories = [...rows.memories.values()].filter((row) => row !== null)
      const conflicts = memories.flatMap(({ id, conflicts: many }) =>
        many === 0 ? [] : conflictRows(id, reader.conflicts(id)),
      )
      return {
        memories,
        links: [...rows.links.values()].filter((row) => row !== null),
        episodes: rows.episodes,
        events: rows.events,
        conflicts,
      }
    },
    removed: (rows: Rows): RemovedRows => {
      const memories = gone(rows.memories)
      return {
        memories,
        links: gone(rows.links),
        episodes: rows.goneEpisodes,
        commits: rows.goneCommits,
        erased: memories.some((id) => isErased(index, id)),
      }
    },
  }
}
