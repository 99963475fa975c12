/**
 * Which of our own segments a new memory goes to.
 */
import { segmentId, type Namespace, type PeerId, type RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Documents } from './documents.ts'
import { segmentKey, segmentsOf, type LogIndex, type SegmentEntry } from './log-index.ts'

type Place = Pick<SegmentEntry, 'namespace' | 'id'>
type Context = { readonly self: PeerId; readonly index: LogIndex; readonly documents: Documents }

/** The last one until it is full or damaged, then the next. @param freshIn memories that the batch adds, by segment. */
export const ownSegment = (context: Context, namespace: Namespace, freshIn: Map<string, number>): Place => {
  for (let index = context.index.ownSegment.get(namespace) ?? 0; ; index++) {
    const place = placeAt(context, namespace, index, freshIn)
    if (place !== null) return taken(place, freshIn)
  }
}

/**
 * One that does not have the memory yet: what is said of it there stands beside what the others say. Older segments are looked at first,
 * so that a namespace of many conflicts does not begin one for each.
 */
export const segmentBeside = (
  context: Context,
  namespace: Namespace,
  record: RecordId,
  freshIn: Map<string, number>,
): Place => {
  const homes = new Set(segmentsOf(context.index, record).map(({ id }) => id))
  const last = context.index.ownSegment.get(namespace) ?? 0
  for (let index = last; index >= Math.max(0, last - OLDER_LOOKED_AT_MAX); index--) {
    const place = placeAt(context, namespace, index, freshIn)
    if (place !== null && !homes.has(place.id)) return taken(place, freshIn)
  }
  for (let index = last + 1; ; index++) {
    const place = placeAt(context, namespace, index, freshIn)
    if (place !== null && !homes.has(place.id)) return taken(place, freshIn)
  }
}
/** Each may be opened for it. */
const OLDER_LOOKED_AT_MAX = 8

/** Null when the segment takes no further memory. */
const placeAt = (
  { self, index: log, documents }: Context,
  namespace: Namespace,
  index: number,
  freshIn: ReadonlyMap<string, number>,
): Place | null => {
  const id = segmentId(self, index)
  const key = segmentKey(namespace, id)
  const entry = log.segments.get(key)
  const used = (entry?.memories ?? 0) + (freshIn.get(key) ?? 0)
  return used >= limits.memories_per_segment_max || (entry !== undefined && documents.open(entry).damaged)
    ? null
    : { namespace, id }
}

const taken = (place: Place, freshIn: Map<string, number>): Place => {
  const key = segmentKey(place.namespace, place.id)
  freshIn.set(key, (freshIn.get(key) ?? 0) + 1)
  return place
}
