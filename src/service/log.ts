/**
 * The log as a reader outside sees it: events in arrival order, by cursors that stay good as long as this log does.
 *
 * cursor = epoch (8 hex digits) - arrival - place of the event in its commit.
 */
import { parseCanonical } from '../../crdt/canonical.ts'
import type { SealedEvent } from '../../crdt/commit.ts'
import { CONTROL_NAMESPACE } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { LogEntry, Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Shell } from '../replica/effects.ts'
import type { Replica } from '../replica/replica-types.ts'
import { createCopies } from '../replica/event-copies.ts'
import { eventFacts } from './rows.ts'
import { createTurn } from './turns.ts'

/** Arrivals looked at for one page, matching or not: a page may come short of its limit, never stall. */
const ARRIVALS_PER_PAGE_MAX = 10_000

export const createLog = (
  replica: Replica,
  store: CommitStore,
  shell: Shell,
  after: (ms: number, call: () => void) => unknown,
): Pick<Node, 'events' | 'onLogGrown'> => {
  const copies = createCopies(replica, replica.text)
  const epoch = store.opening.epoch.slice(0, 8)
  const cursorAt = (arrival: number, place: number): string => `${epoch}-${arrival}-${place}`
  const parse = (cursor: string | undefined): { arrival: number; place: number } => {
    if (cursor === undefined || cursor === '') return { arrival: 1, place: -1 }
    const match = /^([0-9a-f]{8})-(\d{1,15})-(\d{1,4})$/.exec(cursor)
    if (match === null)
      throw new NodeError(
        'malformed',
        'after is no cursor of an event list: send back `next`, unchanged, or leave it out to start',
      )
    if (match[1] !== epoch)
      throw new NodeError(
        'malformed',
        'the cursor belongs to another log (another peer, or this one before it was rebuilt): start without `after`',
      )
    return { arrival: Number(match[2]), place: Number(match[3]) }
  }

  return {
    onLogGrown: (listener) => shell.onGrown(listener),
    events: async (place, { namespace, limit }) => {
      const from = parse(place)
      const events: LogEntry[] = []
      const turn = createTurn(after)
      let bytes = 0
      let next = place ?? cursorAt(0, 0)
      const last = Math.min(replica.index.arrivals, from.arrival + ARRIVALS_PER_PAGE_MAX)
      for (let n = Math.max(1, from.arrival); n <= last; n++) {
        const commit = replica.commits.arrived(n)
        await turn.worked(commit?.bytes.length ?? 0)
        if (commit === null) continue
        for (const [place, sealed] of commit.events.entries()) {
          const { event } = sealed
          if (n === from.arrival && place <= from.place) continue
          if (events.length >= Math.min(limit, limits.events_limit_max) || bytes > limits.page_bytes_max)
            return { events, next }
          next = cursorAt(n, place)
          if (
            event.ns === CONTROL_NAMESPACE ||
            (namespace !== undefined && event.ns !== namespace) ||
            copies.isRepeat(event, n)
          )
            continue
          bytes += commit.bytes.length / commit.events.length
          events.push({
            cursor: next,
            ...eventFacts(commit, event),
            chain: commit.chain,
            seq: commit.header.seq,
            ...shownAs(sealed),
          })
        }
      }
      return { events, next }
    },
  }
}

/** As its bytes say it: of what is not understood nothing is held back. */
const shownAs = ({ bytes, event, unread }: SealedEvent): Pick<LogEntry, 'event' | 'unknown'> => {
  if (unread === undefined) return { event: { ...event } }
  const parsed = parseCanonical(bytes)
  return {
    event: parsed.ok ? (parsed.value as LogEntry['event']) : {},
    unknown: event.kind === 'unknown' ? ['kind'] : unread.fields,
  }
}
