/**
 * An event is what an agent said: JSON in RFC 8785 form. The same bytes are signed, stored and relayed; nobody serialises
 * them again. Texts are not in it: `{"ref": …}` names a body (`body.ts`).
 *
 * Times are RFC 3339 in UTC with milliseconds (`2026-01-31T09:00:00.000Z`), one form only.
 */
import { canonicalize, parseCanonical, type Json } from './canonical.ts'
import type { CutName, CutPage } from './cut.ts'
import { checkEvent, OWN_READS, readEvent, type Reads } from './event-schema.ts'
import {
  parseRecordId,
  parseRef,
  type AgentId,
  type EventId,
  type Namespace,
  type PeerId,
  type PublicKey,
  type RecordId,
  type Ref,
} from './ids.ts'
import { limits } from './limits.ts'

export type BodyRef = { readonly ref: Ref }

/** Registers of a memory. In a put they are set; in a patch null clears. What no event set reads as `MEMORY_DEFAULTS`. */
export type MemorySet = {
  readonly title?: BodyRef | null
  readonly content?: BodyRef
  readonly metadata?: BodyRef | null
  readonly kind?: string
  readonly tier?: string
  readonly priority?: number
  readonly confidence?: number
  readonly source?: BodyRef | null
  readonly scope?: string | null
  readonly run_id?: string | null
  readonly occurred_at?: string | null
  readonly expires_at?: string | null
}

export const MEMORY_DEFAULTS = { kind: 'fact', tier: 'mid', priority: 5, confidence: 1 } as const

export type TagChange = { readonly add: readonly string[]; readonly remove: readonly string[] }

type Said<Kind extends string> = {
  readonly v: 1
  readonly id: EventId
  readonly ns: Namespace
  readonly kind: Kind
  readonly agent: AgentId
  readonly at: string
}
type OnRecord = { readonly record: RecordId }

export type MemoryPut = Said<'memory.put'> &
  OnRecord & { readonly set: MemorySet & { readonly content: BodyRef }; readonly tags?: TagChange }
export type MemoryPatch = Said<'memory.patch'> & OnRecord & { readonly set: MemorySet; readonly tags?: TagChange }
/** Hides the memory. An edit made meanwhile elsewhere is kept, and shown as a conflict. */
export type MemoryForget = Said<'memory.forget'> & OnRecord
export type MemoryRestore = Said<'memory.restore'> & OnRecord
/** Destroys every text that any event ever gave this memory, on every peer; cannot be undone. */
export type MemoryErase = Said<'memory.erase'> & OnRecord
/** `record` is the link's id, the same for the same (namespace, from, to, relation); lives in the segment of `from`. */
export type LinkPut = Said<'link.put'> &
  OnRecord & {
    readonly from: RecordId
    readonly to: RecordId
    readonly relation: string
    readonly valid_from?: string
    readonly valid_until?: string
  }
export type LinkRemove = Said<'link.remove'> & OnRecord
/** Append-only: needs no merging, so it lies in the log alone. */
export type EpisodeAppend = Said<'episode.append'> & {
  readonly event_type: string
  readonly sender?: string
  readonly recipient?: string
  readonly body?: BodyRef
  readonly inference_receipt_id?: string
  readonly audit_event_hash?: string
}

/** Keys of which `threshold` together name another authority; none: threshold 0. */
export type Recovery = { readonly threshold: number; readonly keys: readonly PublicKey[] }
export type Founder = { readonly peer: PeerId; readonly name: string; readonly role: 'voter' | 'observer' }
/** Its hash is the mesh's id. `authority` signs what follows, until another key is named. */
export type MeshGenesis = Said<'mesh.genesis'> & {
  readonly name: string
  readonly authority: PublicKey
  readonly recovery: Recovery
  readonly members: readonly Founder[]
}
/** From this place on the mesh's commits are read at this format level; it never falls. */
export type MeshLevel = Said<'mesh.level'> & { readonly level: number }
/**
 * What brings back a mesh that lost its authority's key or most of its voters: signed by the key that it names, which governs from this place
 * on, and certified by recovery keys. It is the first event of its commit, or says nothing.
 */
export type MeshRecover = Said<'mesh.recover'> & { readonly authority: PublicKey }
export type PeerEnrol = Said<'peer.enrol'> & {
  readonly peer: PeerId
  readonly name: string
  readonly role: 'voter' | 'observer'
  readonly invite?: string
}
/** Out for good. `cut` names, per chain of the peer, the last commit that counts; a chain that is not named counts not at all. */
export type PeerRevoke = Said<'peer.revoke'> & { readonly peer: PeerId; readonly cut: CutName }
/** The peer stays a member; of chains that it began before, nothing beyond `cut` counts. */
export type PeerLeaveBehind = Said<'peer.leave_behind'> & { readonly peer: PeerId; readonly cut: CutName }
/** The next page of the cut that was last named of this peer. */
export type PeerCut = Said<'peer.cut'> & { readonly peer: PeerId; readonly last: CutPage }

export type DocumentEvent = MemoryPut | MemoryPatch | MemoryForget | MemoryRestore | MemoryErase | LinkPut | LinkRemove
export type ControlEvent = MeshGenesis | MeshLevel | MeshRecover | PeerEnrol | PeerRevoke | PeerLeaveBehind | PeerCut
/** Of a kind that has no meaning at the level at which it is read: kept and handed on, and derives nothing. */
export type UnknownEvent = Said<'unknown'> & {
  /** Its kind, as its bytes have it. */
  readonly named: string
  /** Its field `record`, where that is a record's id: whose erasing takes its texts. */
  readonly about: RecordId | null
}
export type Event = DocumentEvent | EpisodeAppend | ControlEvent | UnknownEvent

/** What an event has besides what it is read as: fields (by path) and texts that mean nothing at the level at which it is read. */
export type Unread = { readonly fields: readonly string[]; readonly texts: readonly Ref[] }

/** As it stands in its bytes, whatever it is read as. */
export const kindOf = (event: Event): string => (event.kind === 'unknown' ? event.named : event.kind)
export const isDocumentEvent = (event: Event): event is DocumentEvent =>
  event.kind.startsWith('memory.') || event.kind.startsWith('link.')

const utf8 = new TextEncoder()

/** The bytes that are signed, stored and relayed. @throws TypeError for a value that is no event (a bug of the caller). */
export const encodeEvent = (event: Event, reads: Reads = OWN_READS): Uint8Array => {
  const text = canonicalize(event)
  const bytes = utf8.encode(text)
  const fault = checkEvent(event, reads)
  if (fault !== null) throw new TypeError(`not an event: ${fault}`)
  if (bytes.length > limits.event_bytes_max)
    throw new TypeError(`not an event: ${bytes.length} bytes, at most ${limits.event_bytes_max}`)
  return bytes
}

export type DecodedEvent =
  | { readonly ok: true; readonly event: Event; readonly unread: Unread | null }
  | { readonly ok: false; readonly reason: string }

/**
 * The event that the bytes say at a format level, or the reason why they say none. Never throws. Whether they say one does not depend on
 * the level.
 */
export const decodeEvent = (bytes: Uint8Array, reads: Reads = OWN_READS): DecodedEvent => {
  if (bytes.length > limits.event_bytes_max) return { ok: false, reason: 'event_too_large' }
  const parsed = parseCanonical(bytes)
  if (!parsed.ok) return { ok: false, reason: `event_${parsed.reason}` }
  const reading = readEvent(parsed.value, reads)
  if (reading.kind === 'fault') return { ok: false, reason: `event_schema: ${reading.fault}` }
  const event = reading.kind === 'unknown' ? unknownOf(parsed.value) : (reading.event as Json as Event)
  const unread = reading.kind === 'unknown' ? [] : reading.unread
  return {
    ok: true,
    event,
    unread:
      event.kind === 'unknown' || unread.length > 0
        ? { fields: unread, texts: unreadTexts(parsed.value, event) }
        : null,
  }
}

/** @param value an event whose envelope fits. */
const unknownOf = (value: Json): UnknownEvent => {
  const { v, id, ns, kind, agent, at, record } = value as Omit<UnknownEvent, 'kind'> & {
    readonly kind: string
    readonly record?: unknown
  }
  return {
    v,
    id,
    ns,
    kind: 'unknown',
    agent,
    at,
    named: kind,
    about: typeof record === 'string' ? parseRecordId(record) : null,
  }
}

/** Every object that is exactly a body's ref names a text, wherever it stands: so what is not understood is kept whole. */
const unreadTexts = (value: Json, event: Event): readonly Ref[] => {
  const known = new Set<string>(bodyRefs(event).map(({ ref }) => ref))
  const found = new Set<Ref>()
  const walk = (part: Json): void => {
    if (typeof part !== 'object' || part === null || found.size >= limits.unread_texts_max) return
    const keys = Array.isArray(part) ? null : Object.keys(part)
    const ref = keys?.length === 1 && keys[0] === 'ref' ? (part as { readonly ref: Json }).ref : null
    const parsed = typeof ref === 'string' ? parseRef(ref) : null
    if (parsed !== null && !known.has(parsed)) found.add(parsed)
    for (const item of keys === null
      ? (part as readonly Json[])
      : keys.sort().map((key) => (part as Readonly<Record<string, Json>>)[key]!))
      walk(item)
  }
  walk(value)
  return [...found]
}

/** Every body that the event names, with the field it is the text of. */
export const bodyRefs = (event: Event): readonly { readonly field: TextField | 'body'; readonly ref: Ref }[] => {
  if (event.kind === 'episode.append') return event.body ? [{ field: 'body', ref: event.body.ref }] : []
  if (event.kind !== 'memory.put' && event.kind !== 'memory.patch') return []
  const refs: { field: TextField; ref: Ref }[] = []
  for (const field of TEXT_FIELDS) {
    const value = event.set[field]
    if (value) refs.push({ field, ref: value.ref })
  }
  return refs
}

/** What people typed: apart from the event, so that an erasure takes it from every disk. */
export const TEXT_FIELDS = ['title', 'content', 'metadata', 'source'] as const
type TextField = (typeof TEXT_FIELDS)[number]
