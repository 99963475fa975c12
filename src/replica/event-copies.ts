/**
 * Copies of one event, as readers of the log see them: one event, where its earliest copy stands. What a record reads as is
 * `crdt/copies.ts`; this is for what lies in no document (episodes), and for the log as a list.
 */
import { LRUCache } from 'lru-cache'
import type { Commit } from '../../crdt/commit.ts'
import type { EpisodeAppend, Event } from '../../crdt/event.ts'
import type { EventId } from '../../crdt/ids.ts'
import type { Replica } from './replica-types.ts'
import { saysTheSame, type TextOf } from './repeats.ts'

type Copies = {
  /** The episode by its earliest copy that counts, where it may have several: a later one is no second row. Null when none is known. */
  episode(event: EpisodeAppend): { readonly commit: Commit; readonly event: EpisodeAppend } | null
  /** Whether the n-th arrival's event stands in an earlier one already, in the same words. */
  isRepeat(event: Event, n: number): boolean
}

/** Events of which it is remembered how far their copies have been looked through, so that many copies are not read again for each. */
const REMEMBERED_MAX = 1_024
/** Earlier arrivals that are compared: more copies of one event only somebody dishonest makes. */
const COMPARED_MAX = 16

export const createCopies = (replica: Replica, text: TextOf): Copies => {
  type Earliest = { readonly revision: number; looked: number; first: { commit: Commit; event: EpisodeAppend } | null }
  const earliestById = new LRUCache<EventId, Earliest>({ maxSize: REMEMBERED_MAX, sizeCalculation: () => 1 })
  const isEarlier = (a: Commit, b: Commit): boolean =>
    a.header.hlc < b.header.hlc || (a.header.hlc === b.header.hlc && a.hash < b.hash)

  return {
    episode: (event) => {
      const arrivals = replica.index.events.of(event.id)
      if (arrivals.length < 2) return null
      const remembered = earliestById.get(event.id)
      const known =
        remembered?.revision === replica.revision.current() && remembered.looked <= arrivals.length
          ? remembered
          : { revision: replica.revision.current(), looked: 0, first: null }
      for (; known.looked < arrivals.length; known.looked++) {
        const other = replica.commits.arrived(arrivals[known.looked]!)
        const copy = other?.events.find((sealed) => sealed.event.id === event.id)?.event
        if (!other || copy?.kind !== 'episode.append' || !replica.counts(other)) continue
        if (known.first === null || isEarlier(other, known.first.commit)) known.first = { commit: other, event: copy }
      }
      earliestById.set(event.id, known)
      return known.first
    },
    isRepeat: (event, n) =>
      replica.index.events
        .of(event.id)
        .slice(0, COMPARED_MAX)
        .some((arrival) => {
          const commit = arrival < n ? replica.commits.arrived(arrival) : null
          return (
            commit !== null &&
            commit.events.some((sealed) => sealed.event.id === event.id && saysTheSame(sealed.event, event, text)) &&
            replica.counts(commit)
          )
        }),
  }
}
