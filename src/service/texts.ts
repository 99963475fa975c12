/**
 * Detached texts as their fields allow them. A member can name any bytes as a title, a content, a source, metadata or an episode's body: its
 * ref binds them, and nobody but a reader looks inside. What a field does not allow is shown as unreadable, never as an error, so
 * that one hostile text takes nothing from its neighbours.
 *
 * Invariants: nothing here throws; work is linear in the field's own limit, whatever the bytes; what is answered as an object has a
 * canonical form and nests no deeper than `limits.json_depth_max`, so that whoever writes it out again never recurses further.
 */
import { parseJson } from '../../crdt/canonical.ts'
import type { Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { CommitStore } from '../ports/store.ts'

/** `body`: an episode's. */
export type TextField = 'title' | 'content' | 'metadata' | 'source' | 'body'
export type PlainObject = Readonly<Record<string, unknown>>

/** UTF-8 bytes of each. */
export const TEXT_BYTES_MAX: Readonly<Record<TextField, number>> = {
  content: limits.content_bytes_max,
  title: limits.title_bytes_max,
  metadata: limits.metadata_bytes_max,
  source: limits.name_bytes_max,
  body: limits.episode_body_bytes_max,
}

/** `absent`: not here yet, or erased. `dropped`: let go by this peer's policy, or by that of all who had it. */
export type TextRead =
  | { readonly kind: 'absent' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'read'; readonly value: string | PlainObject }

export type Texts = {
  read(field: TextField, ref: Ref): TextRead
  /** Texts met since the start that are not what their field allows; counted up to `UNREADABLE_COUNTED_MAX`. */
  unreadable(): number
}

/** Refs of some 64 bytes, so that one that is read again is counted once: past it nobody needs the number. */
const UNREADABLE_COUNTED_MAX = 10_000

export const createTexts = (store: Pick<CommitStore, 'body'>): Texts => {
  const met = new Set<Ref>()
  return {
    read: (field, ref) => {
      const body = store.body(ref)
      if (body === 'dropped') return DROPPED
      if (body === null || body === 'erased') return ABSENT
      const value = readText(field, body.text)
      if (value !== null) return { kind: 'read', value }
      if (met.size < UNREADABLE_COUNTED_MAX) met.add(ref)
      return UNREADABLE
    },
    unreadable: () => met.size,
  }
}

const ABSENT: TextRead = { kind: 'absent' }
const DROPPED: TextRead = { kind: 'dropped' }
const UNREADABLE: TextRead = { kind: 'unreadable' }

/** The field's value, or null when the bytes are none. */
export const readText = (field: TextField, bytes: Uint8Array): string | PlainObject | null => {
  if (bytes.length > TEXT_BYTES_MAX[field]) return null
  if (field === 'title' || field === 'content' || field === 'source') return utf8Of(bytes)
  const parsed = parseJson(bytes, TEXT_BYTES_MAX[field])
  return parsed.ok && typeof parsed.value === 'object' && parsed.value !== null && !Array.isArray(parsed.value)
    ? (parsed.value as PlainObject)
    : null
}

/** A byte order mark stays: the text is what its writer gave. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8Of = (bytes: Uint8Array): string | null => {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}
