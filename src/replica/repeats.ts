/**
 * A request under a key that has been used: whether it asks for what was said then. Texts are compared by content, since every
 * attempt has salts of its own; one that is gone (erased) or has yet to come cannot be compared, and counts as equal.
 *
 * Tags are compared as far as the event tells: it names those that were added and removed, not those that were there already.
 */
import { canonicalize, type Json } from '../../crdt/canonical.ts'
import { TEXT_FIELDS, type BodyRef, type Event, type MemorySet, type TagChange } from '../../crdt/event.ts'
import type { Ref } from '../../crdt/ids.ts'
import type { Draft } from './types.ts'

/** The text of a body; null when it is not here. */
export type TextOf = (ref: Ref) => string | null

export const isSameRequest = (draft: Draft, event: Event, text: TextOf): boolean => {
  if (draft.agent !== event.agent) return false
  switch (event.kind) {
    case 'memory.put':
      return (
        draft.op === 'put' &&
        draft.record === event.record &&
        isSameSet(draft.set, event.set, text) &&
        isSameTags(draft.tags?.add ?? [], event.tags) &&
        draft.tags?.add.length === event.tags?.add.length
      )
    case 'memory.patch':
      return (
        draft.op === 'patch' &&
        draft.record === event.record &&
        isSameSet(draft.set, event.set, text) &&
        isSameTags(draft.wanted, event.tags)
      )
    case 'memory.forget':
      return draft.op === 'forget' && draft.record === event.record
    case 'memory.restore':
      return draft.op === 'restore' && draft.record === event.record
    case 'memory.erase':
      return draft.op === 'erase' && draft.record === event.record
    // The record is made of the ends and the relation.
    case 'link.put':
      return (
        draft.op === 'link' &&
        draft.record === event.record &&
        draft.valid_from === event.valid_from &&
        draft.valid_until === event.valid_until
      )
    case 'link.remove':
      return draft.op === 'unlink' && draft.record === event.record
    case 'episode.append':
      return (
        draft.op === 'episode' &&
        EPISODE_FIELDS.every((field) => draft[field] === event[field]) &&
        isSameText(draft.body ?? null, event.body ?? null, text)
      )
    default:
      return false
  }
}

/** Whether two events of one id are the same word, said at two moments. */
export const saysTheSame = (a: Event, b: Event, text: TextOf): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => {
    const [one, other] = [a[name as keyof Event], b[name as keyof Event]] as readonly unknown[]
    if (name === 'at') return true
    if (name === 'set') return isSameSet(one as MemorySet, other as MemorySet, text)
    if (name === 'body')
      return isSameText((one as BodyRef | undefined) ?? null, (other as BodyRef | undefined) ?? null, text)
    return one === undefined || other === undefined
      ? one === other
      : canonicalize(one as Json) === canonicalize(other as Json)
  })

const EPISODE_FIELDS = ['event_type', 'sender', 'recipient', 'inference_receipt_id', 'audit_event_hash'] as const

const isSameSet = (asked: MemorySet, said: MemorySet, text: TextOf): boolean =>
  [...new Set([...Object.keys(asked), ...Object.keys(said)])].every((name) => {
    const field = name as keyof MemorySet
    if (!(TEXT_FIELDS as readonly string[]).includes(field)) return asked[field] === said[field]
    const [now, then] = [asked[field], said[field]] as readonly (BodyRef | null | undefined)[]
    return now === undefined || then === undefined ? now === then : isSameText(now, then, text)
  })

const isSameText = (asked: BodyRef | null, said: BodyRef | null, text: TextOf): boolean => {
  if (asked === null || said === null || asked.ref === said.ref) return asked === said || asked?.ref === said?.ref
  const [now, then] = [text(asked.ref), text(said.ref)]
  return now === null || then === null || now === then
}

/** @param wanted all tags that the memory was to have; undefined when the request named none. */
const isSameTags = (wanted: readonly string[] | undefined, said: TagChange | undefined): boolean =>
  said === undefined ||
  (wanted !== undefined &&
    said.add.every((tag) => wanted.includes(tag)) &&
    !said.remove.some((tag) => wanted.includes(tag)))
