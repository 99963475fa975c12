/**
 * What settles a conflict: a change of the field, or a forgetting or restoring.
 */
import type { Body } from '../../crdt/body.ts'
import type { Event } from '../../crdt/event.ts'
import type { RecordId } from '../../crdt/ids.ts'
import type { Random } from '../ports/clock.ts'
import type { Draft } from '../replica/types.ts'
import { registersOf } from './drafts.ts'

type Base = Pick<Draft, 'event' | 'agent' | 'at'>

export const settling = (
  record: RecordId,
  field: string,
  value: unknown,
  base: Base,
  random: Random,
): { drafts: readonly Draft[]; bodies: readonly Body[] } => {
  if (field === 'forgotten')
    return { drafts: [{ ...base, op: value === true ? 'forget' : 'restore', record }], bodies: [] }
  const { set, bodies } = registersOf({ [field]: value }, random)
  return { drafts: [{ ...base, op: 'patch', record, set, tags: null }], bodies }
}

/** The settling that a repeated request asked for by an event: which value that was then, the event under the key says. */
export const settledBefore = (
  record: RecordId,
  field: string,
  before: Event,
  base: Base,
): { drafts: readonly Draft[]; bodies: readonly Body[] } => {
  if (before.kind === 'memory.patch' && Object.keys(before.set).join() === field)
    return { drafts: [{ ...base, op: 'patch', record, set: before.set, tags: null }], bodies: [] }
  // Anything else that was said under the key is another request.
  if (field !== 'forgotten') return { drafts: [{ ...base, op: 'patch', record, set: {}, tags: null }], bodies: [] }
  return { drafts: [{ ...base, op: before.kind === 'memory.forget' ? 'forget' : 'restore', record }], bodies: [] }
}
