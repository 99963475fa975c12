/**
 * From what an agent gave to what will be said: fields become registers, texts become bodies.
 *
 * With an idempotency key the event's id and a new record's are a function of (namespace, agent, key), so that the same request on
 * another peer makes a copy of the same event. Salts are random all the same: from a key they could be worked out, and an
 * erased text be confirmed by guessing.
 */
import { makeBody, SALT_BYTES, type Body } from '../../crdt/body.ts'
import { canonicalize, type Json } from '../../crdt/canonical.ts'
import type { MemorySet, TagChange } from '../../crdt/event.ts'
import { isTime } from '../../crdt/event-schema.ts'
import { sha256 } from '../../crdt/hash.ts'
import { uuidV7, uuidV8, type AgentId, type EventId, type Namespace, type RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { MemoryInput } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { Random } from '../ports/clock.ts'
import { TEXT_BYTES_MAX, type TextField } from './texts.ts'

const utf8 = new TextEncoder()

/** The same on every peer, so a retry after a failover is the same memory. */
export const keyedRecord = (namespace: Namespace, agent: AgentId, key: string): RecordId =>
  uuidV8(sha256('mnemesh/record/1', canonicalize([namespace, agent, key]))) as RecordId
/** The event that a request under this key makes, on whichever peer. */
export const keyedEvent = (namespace: Namespace, agent: AgentId, key: string): EventId =>
  uuidV8(sha256('mnemesh/event-id/1', canonicalize([namespace, agent, key]))) as EventId
export const linkRecord = (namespace: Namespace, from: RecordId, to: RecordId, relation: string): RecordId =>
  uuidV8(sha256('mnemesh/link/1', canonicalize([namespace, from, to, relation]))) as RecordId

export const newEvent = (nowMs: number, random: Random): EventId => uuidV7(nowMs, random.bytes(10)) as EventId

/** When it was said: now, or of an import when it was said there. @throws NodeError where that is in the future. */
export const saidAt = (importedAt: string | undefined, nowMs: number): string => {
  const at = normalTime('X-Imported-At', importedAt ?? new Date(nowMs).toISOString())!
  if (Date.parse(at) > nowMs + limits.clock_bound_ms)
    throw new NodeError('malformed', 'X-Imported-At lies in the future: check the clock here and there', {
      local_committed: false,
    })
  return at
}

/** The registers that `input` sets, and the bodies of its texts. @throws NodeError `too_large`. */
export const registersOf = (
  input: MemoryInput,
  random: Random,
): { readonly set: MemorySet; readonly bodies: readonly Body[] } => {
  const bodies: Body[] = []
  const text = (field: TextField, value: string | null): { ref: Body['ref'] } | null => {
    if (value === null) return null
    const body = bodyOf(field, value, random)
    bodies.push(body)
    return { ref: body.ref }
  }
  const { content, title, metadata, source, tags: _tags, occurred_at, expires_at, ...scalars } = input
  const set: MemorySet = {
    ...withoutUndefined(scalars),
    // Automerge's encoder moves one double in ten by its last bit; five decimals come back as they were given.
    ...(input.confidence !== undefined && { confidence: Math.round(input.confidence * 100_000) / 100_000 }),
    ...(content !== undefined && { content: text('content', content)! }),
    ...(title !== undefined && { title: text('title', title === '' ? null : title) }),
    ...(metadata !== undefined && {
      metadata: text('metadata', metadata === null ? null : canonicalize(metadata as Json)),
    }),
    ...(source !== undefined && { source: text('source', source === '' ? null : source) }),
    ...(occurred_at !== undefined && { occurred_at: normalTime('occurred_at', occurred_at) }),
    ...(expires_at !== undefined && { expires_at: normalTime('expires_at', expires_at) }),
  }
  return { set, bodies }
}

/** In a put nothing can be cleared: null means 'not given'. */
export const withoutNulls = <Fields extends object>(fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as Fields

export const bodyOf = (field: TextField, value: string, random: Random): Body => {
  const bytes = utf8.encode(value)
  if (bytes.length > TEXT_BYTES_MAX[field])
    throw new NodeError(
      'too_large',
      `${field} has ${bytes.length} bytes, at most ${TEXT_BYTES_MAX[field]} fit: split it into several memories`,
      { local_committed: false },
    )
  return makeBody(random.bytes(SALT_BYTES), bytes)
}

/** From `current` to `wanted`: what to add and what to remove; null when nothing changes. */
export const tagChange = (current: readonly string[], wanted: readonly string[]): TagChange | null => {
  const add = [...new Set(wanted)].filter((tag) => !current.includes(tag))
  const remove = current.filter((tag) => !wanted.includes(tag))
  return add.length + remove.length === 0 ? null : { add, remove }
}

/** RFC 3339 in, the one form of events out. */
const normalTime = (field: string, value: string | null): string | null => {
  if (value === null) return null
  const ms = Date.parse(value)
  if (Number.isNaN(ms))
    throw new NodeError('malformed', `${field} is no time: write it as 2026-01-31T09:00:00Z`, {
      local_committed: false,
    })
  const text = new Date(ms).toISOString()
  if (!isTime(text))
    throw new NodeError('malformed', `${field} lies outside the years 1 to 9999 in UTC: give a time within them`, {
      local_committed: false,
    })
  return text
}

const withoutUndefined = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
