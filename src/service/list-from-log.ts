/**
 * Lists without rows: newest first in pages, read from the documents, where the search index is behind, opening, or not there at all,
 * and as of a time, of which no row tells.
 *
 * The log knows of each segment when its memories were made, so that a page opens few: from the newest on, until no memory of the
 * others can stand before its end. Between two segments, and within one, others get their turn.
 *
 * Invariant: a page holds every memory of its range that its frontier names, or there is no page.
 */
import { endOfMs } from '../../crdt/hlc.ts'
import { limits } from '../../crdt/limits.ts'
import type { Frontier, FrontierForm, ListAnswer, MemoryFilter, MemoryRow } from '../ports/projection.ts'
import { columnText } from '../projection/column-text.ts'
import { formatCursor, parseCursor, type Place } from '../projection/list-cursor.ts'
import type { SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import type { Reader } from './rows.ts'
import type { Warm } from './warming.ts'

/** Segments one page looks into, at some 50 ms each when they are cold; a filter that leaves little needs more, and the rows. */
const SEGMENTS_MAX = 16
/** As of a time there are no rows to ask instead: some 3 s when all are cold, others having their turns in between. */
const PAST_SEGMENTS_MAX = 64
/** Rows read in one turn, at up to 0.5 ms each. */
const ROWS_PER_TURN = 32

type Context = {
  readonly replica: Replica
  readonly reader: Reader
  readonly warm: Warm
  readonly nowMs: () => number
  /** Lets others have their turn; documents hold nothing then that is not durable. */ readonly pause: () => Promise<void>
  /** How far the documents are by the time that it answers (`log-frontier.ts`). */ readonly shows: (
    form: FrontierForm | undefined,
  ) => Promise<Frontier | string>
}
type Asked = { readonly limit: number; readonly cursor?: string; readonly as_of?: string }

/** Null when it would take too long. @throws BadCursor. */
export const createLogList =
  ({ replica, reader, warm, nowMs, pause, shows }: Context) =>
  async (narrowed: MemoryFilter, page: Asked, form: FrontierForm | undefined): Promise<ListAnswer | null> => {
    const { as_of } = page
    const filter = { ...narrowed, ...(as_of === undefined ? {} : { as_of }) }
    const after = page.cursor === undefined ? null : parseCursor(page.cursor, filter)
    const limit = Math.min(Math.max(1, Math.floor(page.limit)), limits.list_limit_max)
    await pause()
    const frontier = await shows(form)
    const segments = [...replica.index.segments.values()]
      .filter((entry) => mayHold(entry, filter, after))
      .sort((a, b) => msOf(b.newestAt) - msOf(a.newestAt))
    const shownThen = as_of === undefined ? null : reader.asOf(endOfMs(Date.parse(as_of)))
    const passes = passing(filter, as_of === undefined ? nowMs() : Date.parse(as_of))
    const isShown = (row: MemoryRow): boolean => (shownThen !== null || !row.erased) && passes(row)
    const rowById = new Map<string, MemoryRow>()
    const found = (): readonly MemoryRow[] => [...rowById.values()].sort((a, b) => compare(placeOf(a), placeOf(b)))
    for (const [i, entry] of segments.entries()) {
      // Nothing in this one or a later one is newer than what fills the page already.
      if (rowById.size > limit && placeOf(found()[limit]!)[0] > msOf(entry.newestAt)) break
      if (i >= (shownThen === null ? SEGMENTS_MAX : PAST_SEGMENTS_MAX)) return null
      if (i > 0 || !replica.documents.isHot(entry)) {
        await warm([entry])
        await pause()
      }
      for (const [n, id] of [...replica.documents.open(entry).segment.commitsByRecord.keys()].entries()) {
        if (n % ROWS_PER_TURN === ROWS_PER_TURN - 1) await pause()
        const row = rowById.has(id) ? null : (shownThen ?? reader).memory(id)
        if (row !== null && isShown(row) && (after === null || compare(after, placeOf(row)) < 0)) rowById.set(id, row)
      }
    }
    const rows = found()
    const shown = rows.slice(0, limit)
    return {
      rows: shown,
      next_cursor: rows.length > limit ? formatCursor(placeOf(shown.at(-1)!), filter) : null,
      at: null,
      frontier,
    }
  }

const msOf = (time: string): number => Date.parse(time) || 0
/** When it happened, where that is said, else when it was stored. */
const happenedMs = (row: MemoryRow): number => msOf(row.occurred_at ?? row.created_at)
export const placeOf = (row: MemoryRow): Place => [happenedMs(row), row.id]
/** Newest first; of one moment the greater id first. */
export const compare = ([a, idA]: Place, [b, idB]: Place): number =>
  a === b ? (idA === idB ? 0 : idA > idB ? -1 : 1) : b - a

export const mayHold = (
  { namespace, memories, oldestAt, newestAt }: SegmentEntry,
  filter: MemoryFilter,
  after: Place | null,
): boolean =>
  memories > 0 &&
  (filter.namespace === undefined || filter.namespace === namespace) &&
  (after === null || msOf(oldestAt) <= after[0]) &&
  [filter.since, filter.stored_since].every((since) => since === undefined || msOf(newestAt) >= msOf(since)) &&
  [filter.until, filter.stored_until].every((until) => until === undefined || msOf(oldestAt) < msOf(until))

/** As the rows are filtered (`src/projection/filter.ts`). */
export const passing =
  (
    {
      namespace,
      kinds = [],
      tier,
      tags = [],
      agent_id,
      run_id,
      since,
      until,
      stored_since,
      stored_until,
    }: MemoryFilter,
    nowMs: number,
  ) =>
  (row: MemoryRow): boolean =>
    !row.forgotten &&
    (row.expires_at === null || !(Date.parse(row.expires_at) <= nowMs)) &&
    (namespace === undefined || row.namespace === namespace) &&
    (kinds.length === 0 || kinds.some((kind) => isSame(row.kind, kind))) &&
    (tier === undefined || isSame(row.tier, tier)) &&
    tags.every((tag) => row.tags.some((other) => isSame(other, tag))) &&
    (agent_id === undefined || row.agent_id === agent_id) &&
    (run_id === undefined || isSame(row.run_id, run_id)) &&
    (since === undefined || happenedMs(row) >= msOf(since)) &&
    (until === undefined || happenedMs(row) < msOf(until)) &&
    (stored_since === undefined || msOf(row.created_at) >= msOf(stored_since)) &&
    (stored_until === undefined || msOf(row.created_at) < msOf(stored_until))

/** As far as a database's columns tell words apart. */
const isSame = (word: string | null, other: string): boolean => word !== null && columnText(word) === columnText(other)
