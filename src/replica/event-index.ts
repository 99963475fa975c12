/**
 * Which arrivals hold an event: for events whose id follows from a key (UUID version 8), so that a request that is repeated finds
 * what it made, and copies of one event are read as one. Ids of version 7 are random and never looked for.
 *
 * It keeps the id's first 48 bits and the arrival's number, about 60 bytes an event: a hit is a candidate, whose commit decides.
 */
import type { EventId } from '../../crdt/ids.ts'

export type EventIndex = {
  add(event: EventId, arrival: number): void
  /** Arrivals that may hold the event, in the order in which they came. */
  of(event: EventId): readonly number[]
  /** All that it keeps: an id's first 48 bits with its arrivals. */
  entries(): Iterable<readonly [prefix: number, arrivals: readonly number[]]>
  /** Of what is not in it yet. */
  put(prefix: number, arrivals: readonly number[]): void
  clear(): void
}

export const createEventIndex = (): EventIndex => {
  const arrivalsByPrefix = new Map<number, number | number[]>()
  return {
    add: (event, arrival) => {
      if (!isDerived(event)) return
      const prefix = prefixOf(event)
      const known = arrivalsByPrefix.get(prefix)
      if (known === undefined) arrivalsByPrefix.set(prefix, arrival)
      else if (Array.isArray(known)) known.push(arrival)
      else arrivalsByPrefix.set(prefix, [known, arrival])
    },
    of: (event) => {
      const found = isDerived(event) ? arrivalsByPrefix.get(prefixOf(event)) : undefined
      return found === undefined ? [] : listed(found)
    },
    *entries() {
      for (const [prefix, arrivals] of arrivalsByPrefix) yield [prefix, listed(arrivals)]
    },
    put: (prefix, arrivals) => {
      arrivalsByPrefix.set(prefix, arrivals.length === 1 ? arrivals[0]! : [...arrivals])
    },
    clear: () => arrivalsByPrefix.clear(),
  }
}

const listed = (arrivals: number | number[]): readonly number[] =>
  typeof arrivals === 'number' ? [arrivals] : arrivals

/** Whether the id was derived (from a key, or from another id), not drawn. */
export const isDerived = (event: EventId): boolean => event[14] === '8'

const prefixOf = (event: EventId): number => Number.parseInt(event.slice(0, 8) + event.slice(9, 13), 16)
