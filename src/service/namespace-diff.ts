/**
 * What changed in a namespace between two times: which memories were added, changed, removed, in which fields, with the texts line by line.
 *
 * Read from the documents, segment by segment, in the order of their ids, which is the same on every peer; a memory with twins counts where
 * its first segment comes. A page looks into few segments and may be short: its cursor says how far it looked. So no namespace is too large.
 */
import { endOfMs, type Hlc } from '../../crdt/hlc.ts'
import type { Namespace, RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Segment } from '../../crdt/segment.ts'
import type { Change, Paged, PageOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { segmentsOf, type SegmentEntry } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'
import type { PastReader, Reader } from './rows.ts'
import { lineDiff, linesOf } from './text-diff.ts'
import type { Warm } from './warming.ts'

/** At some 50 ms each when they are cold. */
const SEGMENTS_A_PAGE = 16
/** Records looked at in one turn, at up to 1 ms each. */
const RECORDS_A_TURN = 16
const FIELDS = [
  'title',
  'content',
  'kind',
  'tier',
  'tags',
  'priority',
  'confidence',
  'source',
  'scope',
  'run_id',
  'occurred_at',
  'expires_at',
  'metadata',
] as const
const TEXTS: readonly string[] = ['title', 'content', 'source', 'metadata']

type Between = { readonly from: string; readonly to?: string }
type Context = {
  readonly replica: Replica
  readonly reader: Reader
  readonly warm: Warm
  readonly nowMs: () => number
  readonly pause: () => Promise<void>
}

export const createNamespaceDiff =
  ({ replica, reader, warm, nowMs, pause }: Context) =>
  async (namespace: Namespace, { from, to }: Between, page: PageOptions): Promise<Paged<Change>> => {
    const at = page.cursor === undefined ? null : placeOf(page.cursor)
    const [fromMs, toMs] = [Date.parse(from), to === undefined ? (at?.toMs ?? nowMs()) : Date.parse(to)]
    if (!(fromMs <= toMs))
      throw new NodeError('malformed', 'from is later than to: exchange them', { details: { field: 'from' } })
    const [fromHlc, toHlc] = [endOfMs(fromMs), endOfMs(toMs)]
    const limit = Math.min(page.limit ?? limits.list_limit_default, limits.list_limit_max)
    const seen =
      (past: PastReader, ms: number) =>
      (id: RecordId): MemoryRow | null => {
        const row = past.memory(id)
        return row === null ||
          row.namespace !== namespace ||
          (row.expires_at !== null && Date.parse(row.expires_at) <= ms)
          ? null
          : row
      }
    const [before, after] = [seen(reader.asOf(fromHlc), fromMs), seen(reader.asOf(toHlc), toMs)]
    await pause()
    const segments = segmentsIn(replica, namespace).filter(({ id }) => at === null || id >= at.segment)
    const rows: Change[] = []
    let bytes = 0
    for (const [i, entry] of segments.entries()) {
      if (i > 0 && i % SEGMENTS_A_PAGE === 0)
        return { rows, next_cursor: cursorOf(toMs, segments[i - 1]!.id, LAST_RECORD) }
      await warm([entry])
      await pause()
      const { segment } = replica.documents.open(entry)
      let looked = 0
      for (const id of [...segment.commitsByRecord.keys()].sort()) {
        if (at !== null && entry.id === at.segment && id <= at.record) continue
        if (!isHome(replica, namespace, entry, id)) continue
        // Twins of it live in others, which may be cold.
        if (segmentsOf(replica.index, id).length > 1) await warm(segmentsOf(replica.index, id))
        if (looked++ % RECORDS_A_TURN === RECORDS_A_TURN - 1) await pause()
        const change =
          isTouched(replica, segment, id, fromHlc, toHlc) || expires(before(id), toMs)
            ? changeOf(id, before(id), after(id))
            : null
        if (change === null) continue
        rows.push(change)
        bytes += JSON.stringify(change).length
        if (rows.length >= limit || bytes > limits.page_bytes_max)
          return { rows, next_cursor: cursorOf(toMs, entry.id, id) }
      }
    }
    return { rows, next_cursor: null }
  }

const segmentsIn = (replica: Replica, namespace: Namespace): readonly SegmentEntry[] =>
  [...replica.index.segments.values()]
    .filter((entry) => entry.namespace === namespace)
    .sort((a, b) => (a.id < b.id ? -1 : 1))

/** Whether this is the first of the record's segments in the namespace. */
const isHome = (replica: Replica, namespace: Namespace, entry: SegmentEntry, id: RecordId): boolean =>
  !segmentsOf(replica.index, id).some((other) => other.namespace === namespace && other.id < entry.id)

const isTouched = (replica: Replica, first: Segment, id: RecordId, from: Hlc, to: Hlc): boolean => {
  const touches = (segment: Segment): boolean =>
    (segment.commitsByRecord.get(id) ?? []).some((commit) => {
      const { hlc } = segment.changeByCommit.get(commit)!
      return hlc > from && hlc <= to
    })
  return (
    touches(first) ||
    segmentsOf(replica.index, id).some(
      (entry) => entry.id !== first.id && touches(replica.documents.open(entry).segment),
    )
  )
}

const expires = (row: MemoryRow | null, toMs: number): boolean =>
  row !== null && row.expires_at !== null && Date.parse(row.expires_at) <= toMs

const changeOf = (id: RecordId, before: MemoryRow | null, after: MemoryRow | null): Change | null => {
  const shown = after ?? before
  if (shown === null || before?.version === after?.version) return null
  const fields = FIELDS.filter(
    (field) => JSON.stringify(before?.[field] ?? null) !== JSON.stringify(after?.[field] ?? null),
  )
  const diff = Object.fromEntries(
    fields
      .filter((field) => TEXTS.includes(field))
      .flatMap((field) => {
        const lines = lineDiff(textOf(before, field), textOf(after, field))
        return lines === '' ? [] : [[field, lines]]
      }),
  )
  return {
    id,
    change: before === null ? 'added' : after === null ? 'removed' : 'changed',
    title: shown.title,
    agent_id: shown.agent_id,
    at: shown.updated_at,
    fields,
    diff,
    erased: shown.erased,
  }
}

/** Labels that are none have no lines. */
const textOf = (row: MemoryRow | null, field: (typeof FIELDS)[number]): string =>
  row === null || (field === 'metadata' && Object.keys(row.metadata).length === 0) ? '' : linesOf(row[field])

// ── places ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Behind every id. */
const LAST_RECORD = 'g'
/** With the time it goes to, so that all pages go to one. */
const CURSOR = /^1,(-?\d{1,16}),([0-9a-f]{1,96}),([0-9a-f-]{36}|g)$/
const cursorOf = (toMs: number, segment: string, record: string): string =>
  Buffer.from(`1,${toMs},${segment},${record}`).toString('base64url')
const placeOf = (cursor: string): { readonly toMs: number; readonly segment: string; readonly record: string } => {
  const [, toMs, segment, record] =
    CURSOR.exec(cursor.length > 256 ? '' : Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (segment === undefined || record === undefined)
    throw new NodeError(
      'malformed',
      'cursor is none of a diff: send back next_cursor, unchanged, or leave it out to start',
    )
  return { toMs: Number(toMs), segment, record }
}
