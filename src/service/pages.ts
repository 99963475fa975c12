/**
 * Pages of what hangs at one memory: its versions, links and conflicts, each bounded by count and by bytes, and read in short turns.
 *
 * A cursor names the place of the last row that was shown, in an order that later writes do not change; so a page is not
 * shifted by them, and `next_cursor` is null only at the end.
 */
import { compareWritten, type Written } from '../../crdt/provenance.ts'
import { TEXT_FIELDS, type DocumentEvent } from '../../crdt/event.ts'
import type { CommitHash, EventId, RecordId, Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Conflict, Paged, PageOptions, Version } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { LinkRow } from '../ports/projection.ts'
import { saysTheSame, type TextOf } from '../replica/repeats.ts'
import { shownText, type Reader } from './rows.ts'
import { lineDiff, linesOf } from './text-diff.ts'
import type { Turn } from './turns.ts'

/** A write to a memory: known without its commit being read. */
type WriteTo = Written & { readonly commit: CommitHash; readonly said: DocumentEvent }

/** Every event that touched the memory, oldest first; its copies in the same words once, where the earliest stands. */
export const versionsPage = async (
  reader: Reader,
  text: TextOf,
  id: RecordId,
  page: PageOptions & { readonly diff?: boolean },
  turn: Turn,
): Promise<Paged<Version>> => {
  const writes = inOrder(reader, id)
  const copies = copiesIn(writes)
  const from = page.cursor === undefined ? 0 : afterWrite(writes, page.cursor)
  const rows: Version[] = []
  let bytes = 0
  const before = saidBefore(copies)
  for (const write of writes.slice(0, from)) before.pass(write)
  for (let i = from; i < writes.length; i++) {
    const write = writes[i]!
    if (rows.length >= limitOf(page) || bytes > limits.page_bytes_max)
      return { rows, next_cursor: cursorOf(writes[i - 1]!) }
    if (isRepeat(reader, text, write, copies.get(write.event) ?? [])) {
      await turn.worked(limits.event_bytes_max)
      continue
    }
    const version = versionOf(reader, id, write)
    if (version === null) continue
    const diff = page.diff === true ? diffOf(reader, before.refs, write, version.row) : undefined
    before.pass(write)
    rows.push(diff === undefined ? version.row : { ...version.row, diff })
    bytes += version.bytes + Object.values(diff ?? {}).reduce((sum, lines) => sum + lines.length, 0)
    await turn.worked(version.bytes + (diff === undefined ? 0 : DIFF_BYTES))
  }
  return { rows, next_cursor: null }
}

/** A diff of texts takes some 10 ms at most: a turn each. */
const DIFF_BYTES = 65_536

/** What was said of each text before a write, in the order of the history: by its ref, null where it was cleared. What is said again was said before. */
const saidBefore = (copies: ReadonlyMap<EventId, readonly WriteTo[]>) => {
  const refs = new Map<string, Ref | null>()
  return {
    refs,
    pass: (write: WriteTo): void => {
      if (!('set' in write.said) || copies.get(write.event)?.[0] !== write) return
      for (const field of TEXT_FIELDS) {
        const body = write.said.set[field]
        if (body !== undefined) refs.set(field, body?.ref ?? null)
      }
    },
  }
}

/** Of texts of which both sides are here. */
const diffOf = (
  reader: Reader,
  refs: ReadonlyMap<string, Ref | null>,
  { said }: WriteTo,
  { set }: Version,
): Readonly<Record<string, string>> => {
  const diff: Record<string, string> = {}
  for (const field of TEXT_FIELDS) {
    const body = 'set' in said ? said.set[field] : undefined
    if (body === undefined) continue
    const earlier = refs.get(field) ?? null
    const was = earlier === null ? { kind: 'read' as const, value: '' } : reader.texts.read(field, earlier)
    if (was.kind !== 'read' || (body !== null && reader.texts.read(field, body.ref).kind !== 'read')) continue
    const lines = lineDiff(linesOf(was.value), linesOf(body === null ? '' : set[field]))
    if (lines !== '') diff[field] = lines
  }
  return diff
}

/** The write that is number `version` of the memory's history, from 1; null when there is none. */
export const writeOfVersion = async (
  reader: Reader,
  text: TextOf,
  id: RecordId,
  version: number,
  turn: Turn,
): Promise<WriteTo | null> => {
  const writes = inOrder(reader, id)
  const copies = copiesIn(writes)
  let seen = 0
  for (const write of writes) {
    const shown = isRepeat(reader, text, write, copies.get(write.event) ?? []) ? null : versionOf(reader, id, write)
    if (shown !== null && ++seen === version) return write
    await turn.worked(shown?.bytes ?? limits.event_bytes_max)
  }
  return null
}

const inOrder = (reader: Reader, id: RecordId): readonly WriteTo[] =>
  [...reader.writesTo(id)].sort((a, b) => compareWritten(a, b) || (a.commit < b.commit ? -1 : 1))

/** Links that begin or end at the memory and have not been removed, in the order of their ids. @param ready makes the documents of a link ready to be read. */
export const linksPage = async (
  reader: Pick<Reader, 'link' | 'linkIdsOf'>,
  id: RecordId,
  page: PageOptions,
  turn: Turn,
  ready: (link: RecordId) => Promise<void>,
): Promise<Paged<LinkRow>> => {
  const ids = [...reader.linkIdsOf(id)].sort()
  const rows: LinkRow[] = []
  for (const link of ids) {
    if (page.cursor !== undefined && link <= page.cursor) continue
    if (rows.length >= limitOf(page)) return { rows, next_cursor: rows.at(-1)!.id }
    await ready(link)
    const row = reader.link(link)
    if (row !== null && !row.removed) rows.push(row)
    await turn.worked(LINK_BYTES)
  }
  return { rows, next_cursor: null }
}

/** Fields with their concurrent values; a field with more of them than fit goes on, under its name, on the next page. */
export const conflictsPage = (conflicts: readonly Conflict[], page: PageOptions): Paged<Conflict> => {
  const rows: { field: string; values: Conflict['values'][number][] }[] = []
  let [count, bytes, waiting] = [0, 0, page.cursor !== undefined]
  let last = ''
  for (const { field, values } of conflicts) {
    for (const value of values) {
      const place = `${field} ${value.event_id}`
      if (waiting) {
        waiting = place !== page.cursor
        continue
      }
      if (count >= limitOf(page) || bytes > limits.page_bytes_max) return { rows, next_cursor: last }
      if (rows.at(-1)?.field !== field) rows.push({ field, values: [] })
      rows.at(-1)!.values.push(value)
      last = place
      count++
      bytes += typeof value.value === 'string' ? value.value.length : limits.event_bytes_max
    }
  }
  // What it named has been settled meanwhile: from the start is more than was asked for, and nothing is missed.
  return waiting ? conflictsPage(conflicts, { limit: limitOf(page) }) : { rows, next_cursor: null }
}

/** Copies of one event that are compared: more only somebody dishonest makes. */
const COPIES_COMPARED_MAX = 16

/** Of events that stand in several commits: in which, the earliest first. */
const copiesIn = (writes: readonly WriteTo[]): ReadonlyMap<EventId, readonly WriteTo[]> => {
  const byEvent = new Map<EventId, WriteTo[]>()
  for (const write of writes) {
    const known = byEvent.get(write.event)
    if (known === undefined) byEvent.set(write.event, [write])
    else known.push(write)
  }
  return byEvent
}

const isRepeat = (reader: Reader, text: TextOf, write: WriteTo, copies: readonly WriteTo[]): boolean => {
  const earlier = copies.slice(0, Math.min(copies.indexOf(write), COPIES_COMPARED_MAX))
  if (earlier.length === 0) return false
  const eventIn = ({ commit, event }: WriteTo) =>
    reader.commit(commit)?.events.find((sealed) => sealed.event.id === event)?.event
  const own = eventIn(write)
  return (
    own !== undefined &&
    earlier.some((other) => {
      const said = eventIn(other)
      return said !== undefined && saysTheSame(said, own, text)
    })
  )
}

const limitOf = ({ limit }: PageOptions): number => Math.min(limit ?? limits.list_limit_default, limits.list_limit_max)
/** A link is read from a document: some 0.2 ms. */
const LINK_BYTES = 2_048

const cursorOf = ({ hlc, event }: Written): string => `${hlc}-${event}`

/** The place of the first write behind the cursor's, which need not be there any more. */
const afterWrite = (writes: readonly Written[], cursor: string): number => {
  const [, hlc, event] = /^(\d{1,16})-([0-9a-f-]{36})$/.exec(cursor) ?? []
  if (hlc === undefined || event === undefined)
    throw new NodeError(
      'malformed',
      'cursor is none of a history: send back next_cursor, unchanged, or leave it out to start',
    )
  const place = writes.findIndex(
    (write) => write.hlc > Number(hlc) || (write.hlc === Number(hlc) && write.event > event),
  )
  return place === -1 ? writes.length : place
}

const versionOf = (
  reader: Reader,
  id: RecordId,
  write: WriteTo,
): { readonly row: Version; readonly bytes: number } | null => {
  const commit = reader.commit(write.commit)
  const event = commit?.events.find(({ event: candidate }) => candidate.id === write.event)?.event
  if (!commit || !event || !event.kind.startsWith('memory.') || !('record' in event) || event.record !== id) return null
  const base = { event_id: event.id, kind: event.kind, agent_id: event.agent, peer_id: write.peer, at: event.at }
  if (event.kind !== 'memory.put' && event.kind !== 'memory.patch')
    return { row: { ...base, set: {} }, bytes: commit.bytes.length }
  const set: Record<string, unknown> = { ...event.set }
  const unreadable: string[] = []
  const dropped: string[] = []
  let bytes = commit.bytes.length
  for (const field of TEXT_FIELDS) {
    const body = event.set[field]
    if (!body) continue
    const shown = shownText(field, reader.texts.read(field, body.ref))
    set[field] = shown.value
    bytes += typeof shown.value === 'string' ? shown.value.length : limits.metadata_bytes_max
    if (shown.unreadable === true) unreadable.push(field)
    if (shown.dropped === true) dropped.push(field)
  }
  return {
    row: {
      ...base,
      set,
      ...(event.tags && { tags: event.tags }),
      ...(unreadable.length > 0 && { unreadable }),
      ...(dropped.length > 0 && { dropped }),
    },
    bytes,
  }
}
