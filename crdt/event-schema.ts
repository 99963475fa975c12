/**
 * The schema of every kind of event: exact keys, exact types, bounds of `limits.ts` (all AGREED: they decide what is valid).
 *
 * Kinds and fields have a format level (FORMAT §11). Those of level 1 are checked where a commit enters the log, the same by every build
 * for ever. What came with a later level is never a reason to refuse: a build that does not know it could not. Below its level, and
 * where it does not fit, it derives nothing: the event is read without the field, or as one of an unknown kind.
 *
 * To add a field: a row in its schema's `later`, never a required one. To add a kind: a row in `KINDS` with its level. A field's
 * type and bounds never change.
 */
import type { Json } from './canonical.ts'
import {
  CONTROL_NAMESPACE,
  parseAgentId,
  parseChainId,
  parseEventId,
  parseNamespace,
  parsePeerId,
  parsePublicKey,
  parseRecordId,
  parseRef,
} from './ids.ts'
import { FIRST_LEVEL, FORMAT_LEVEL, LEVELS_MAX } from './level.ts'
import { limits } from './limits.ts'

type Check = (value: Json) => boolean
type JsonObject = Readonly<Record<string, Json>>
type Schema = {
  readonly required: Readonly<Record<string, Field>>
  readonly optional: Readonly<Record<string, Field>>
  /** Fields that came with a later level; none of them is ever required. */
  readonly later?: Readonly<Record<string, { readonly level: number; readonly field: Field }>>
}
/** A value, or an object whose fields may grow too. `fits`: what its fields must be besides, together. */
export type Field = Check | { readonly fields: Schema; readonly fits?: (value: JsonObject) => boolean }
type Kind = { readonly level: number; readonly schema: Schema }

/** What a value says at a level: its known part, and the paths of fields that derive nothing; or why it is no event. */
export type Reading =
  | { readonly kind: 'event'; readonly event: JsonObject; readonly unread: readonly string[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fault'; readonly fault: string }

/** What a build reads: kinds and fields up to a level. This build's is `OWN_READS`; tests give another one's. */
export type Reads = { readonly level: number; readonly kinds: Kinds }
export type Kinds = Readonly<Record<string, Kind>>

/** The same at a level that is in force: a build reads no higher than its own. */
export const readsAt = (reads: Reads, level: number): Reads =>
  level >= reads.level ? reads : { level, kinds: reads.kinds }

/** Null when `value` is an event that the build may write, with no field that it does not know; else the first fault, in words. */
export const checkEvent = (value: Json, reads: Reads = OWN_READS): string | null => {
  const reading = readEvent(value, reads)
  if (reading.kind === 'fault') return reading.fault
  if (reading.kind === 'unknown') return 'kind is unknown'
  return reading.unread.length === 0 ? null : `${reading.unread[0]} is unknown`
}

/** @param reads at the level in force where the event stands (`readsAt`). */
export const readEvent = (value: Json, { level, kinds }: Reads): Reading => {
  if (!isObject(value)) return { kind: 'fault', fault: 'not an object' }
  const name = value['kind']
  if (name === undefined || typeof name !== 'string' || !KIND_NAME.test(name))
    return { kind: 'fault', fault: 'kind does not fit' }
  const kind = Object.hasOwn(kinds, name) ? kinds[name]! : null
  const known = kind !== null && kind.level <= level ? kind : null
  // A kind of a later level is judged like one that nobody knows: so every build takes the same commits into its log.
  const first = readObject(value, kind?.level === FIRST_LEVEL ? kind.schema : ENVELOPE, FIRST_LEVEL)
  if (typeof first === 'string') return { kind: 'fault', fault: first }
  if (isControlKind(name) !== (value['ns'] === CONTROL_NAMESPACE))
    return { kind: 'fault', fault: 'ns does not take this kind' }
  const read =
    known === null ? 'kind is unknown' : level === FIRST_LEVEL ? first : readObject(value, known.schema, level)
  return typeof read === 'string' ? { kind: 'unknown' } : { kind: 'event', event: read.value, unread: read.unread }
}

/** The first level that has the kind; null when the build knows none. */
export const levelOfKind = (name: string, { kinds }: Pick<Reads, 'kinds'>): number | null =>
  Object.hasOwn(kinds, name) ? kinds[name]!.level : null

/** By its name alone, known or not: these stand in the control log, all others never do. */
export const isControlKind = (name: string): boolean => name.startsWith('mesh.') || name.startsWith('peer.')

/** The object without what has no meaning at this level, or what is wrong with it. */
const readObject = (
  value: JsonObject,
  schema: Schema,
  level: number,
): { readonly value: JsonObject; readonly unread: readonly string[] } | string => {
  for (const name of Object.keys(schema.required)) if (!Object.hasOwn(value, name)) return `${name} is missing`
  const unread: string[] = []
  const dropped = new Set<string>()
  const replaced = new Map<string, Json>()
  for (const name of Object.keys(value)) {
    const later = schema.later !== undefined && Object.hasOwn(schema.later, name) ? schema.later[name]! : null
    const own = Object.hasOwn(schema.required, name)
      ? schema.required[name]
      : Object.hasOwn(schema.optional, name)
        ? schema.optional[name]
        : undefined
    const field = own ?? (later !== null && later.level <= level ? later.field : undefined)
    const read = field === undefined ? 'unknown' : readField(value[name]!, field, level)
    if (typeof read === 'string') {
      if (own !== undefined) return `${name} does not fit`
      unread.push(name)
      dropped.add(name)
    } else if (read.unread.length > 0) {
      for (const inner of read.unread) unread.push(`${name}.${inner}`)
      replaced.set(name, read.value)
    }
  }
  if (unread.length === 0) return { value, unread }
  const left = Object.entries(value)
    .filter(([name]) => !dropped.has(name))
    .map(([name, part]) => [name, replaced.get(name) ?? part] as const)
  return { value: Object.fromEntries(left), unread }
}

const readField = (
  value: Json,
  field: Field,
  level: number,
): { readonly value: Json; readonly unread: readonly string[] } | string => {
  if (typeof field === 'function') return field(value) ? { value, unread: [] } : 'does not fit'
  if (!isObject(value)) return 'does not fit'
  const read = readObject(value, field.fields, level)
  return typeof read === 'string' || field.fits?.(read.value) === false ? 'does not fit' : read
}

/** Two parts at least: which of them a kind belongs to, its name tells. */
const KIND_NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const matches =
  (parse: (text: string) => unknown): Check =>
  (value) =>
    typeof value === 'string' && parse(value) !== null
const text =
  (bytesMax: number): Check =>
  (value) =>
    typeof value === 'string' && value.length > 0 && fitsUtf8(value, bytesMax) && !value.includes('\u0000')
const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const oneOf =
  (...values: readonly Json[]): Check =>
  (value) =>
    values.includes(value)
const whole =
  (min: number, max: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
const encoder = new TextEncoder()
/** UTF-16 units bound the bytes from both sides, so most texts need not be encoded to be measured. */
const fitsUtf8 = (value: string, bytesMax: number): boolean =>
  value.length * 3 <= bytesMax || (value.length <= bytesMax && encoder.encode(value).length <= bytesMax)

const TIME = /^(\d{4})-(0[1-9]|1[0-2])-(\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/
/** A day that exists, in the years 1 to 9999: what every database and language takes. */
export const isTime: Check = (value) => {
  const parts = typeof value === 'string' ? TIME.exec(value) : null
  if (parts === null) return false
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  return year >= 1 && day >= 1 && day <= daysIn(year, month)
}
const daysIn = (year: number, month: number): number => {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

const areDistinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length
const name = text(limits.name_bytes_max)
const bodyRef: Check = (value) =>
  isObject(value) && Object.keys(value).length === 1 && matches(parseRef)(value['ref'] ?? null)

const tagList: Check = (value) =>
  Array.isArray(value) &&
  value.length <= limits.tags_per_event_max &&
  value.every(text(limits.tag_bytes_max)) &&
  areDistinct(value)
const tags: Field = {
  fields: { required: { add: tagList, remove: tagList }, optional: {} },
  fits: ({ add, remove }) => !(add as readonly string[]).some((tag) => (remove as readonly string[]).includes(tag)),
}

const SCALARS: Readonly<Record<string, Check>> = {
  kind: name,
  tier: name,
  priority: whole(1, 10),
  confidence: (value) => typeof value === 'number' && value >= 0 && value <= 1,
}
const CLEARABLE: Readonly<Record<string, Check>> = {
  scope: name,
  run_id: name,
  occurred_at: isTime,
  expires_at: isTime,
  title: bodyRef,
  metadata: bodyRef,
  source: bodyRef,
}
const cleared = Object.fromEntries(Object.entries(CLEARABLE).map(([field, check]) => [field, nullable(check)]))

const putSet: Field = { fields: { required: { content: bodyRef }, optional: { ...SCALARS, ...CLEARABLE } } }
const patchSet: Field = { fields: { required: {}, optional: { content: bodyRef, ...SCALARS, ...cleared } } }

const kindText = text(limits.kind_bytes_max)
const said = (required: Readonly<Record<string, Field>>, optional: Readonly<Record<string, Field>> = {}): Schema => ({
  required: {
    v: oneOf(1),
    id: matches(parseEventId),
    ns: (value) => value === CONTROL_NAMESPACE || matches(parseNamespace)(value),
    kind: kindText,
    agent: matches(parseAgentId),
    at: isTime,
    ...required,
  },
  optional,
})
/** What every event has, of whatever kind. */
const ENVELOPE = said({})
const record = { record: matches(parseRecordId) }
/** A page of a cut (`cut.ts`). */
const lastSeqByChain: Check = (value) => {
  if (!isObject(value)) return false
  const chains = Object.entries(value)
  return (
    chains.length >= 1 &&
    chains.length <= limits.cut_page_chains_max &&
    chains.every(([chain, seq]) => parseChainId(chain) !== null && whole(1, limits.seq_max)(seq))
  )
}

const role = oneOf('voter', 'observer')
/** These fields and no others: what a genesis holds never grows. */
const exact =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) &&
    Object.keys(value).length === Object.keys(checks).length &&
    Object.entries(checks).every(([field, check]) => Object.hasOwn(value, field) && check(value[field]!))
const founder = exact({ peer: matches(parsePeerId), name, role })
const cut = exact({ root: matches(parseRef), chains: whole(0, limits.seq_max) })
/** Each peer once, and somebody who votes. */
const founders: Check = (value) =>
  Array.isArray(value) &&
  value.length >= 1 &&
  value.length <= limits.founders_max &&
  value.every(founder) &&
  areDistinct(value.map((each) => (each as { peer: string }).peer)) &&
  value.some((each) => (each as { role: string }).role === 'voter')
const recoveryKeys: Check = (value) =>
  Array.isArray(value) &&
  value.length <= limits.recovery_keys_max &&
  value.every(matches(parsePublicKey)) &&
  areDistinct(value)
const recoveryParts = exact({ threshold: whole(0, limits.recovery_keys_max), keys: recoveryKeys })
/** k of n with k > n/2, so that no two halves can both act; none at all. */
const recovery: Check = (value) => {
  if (!recoveryParts(value)) return false
  const { threshold, keys } = value as { readonly threshold: number; readonly keys: readonly string[] }
  return keys.length === 0 ? threshold === 0 : threshold <= keys.length && 2 * threshold > keys.length
}

const first = (schema: Schema): Kind => ({ level: FIRST_LEVEL, schema })
const KINDS: Kinds = {
  'memory.put': first(said({ ...record, set: putSet }, { tags })),
  'memory.patch': first(said({ ...record, set: patchSet }, { tags })),
  'memory.forget': first(said(record)),
  'memory.restore': first(said(record)),
  'memory.erase': first(said(record)),
  'link.put': first(
    said(
      { ...record, from: matches(parseRecordId), to: matches(parseRecordId), relation: name },
      { valid_from: isTime, valid_until: isTime },
    ),
  ),
  'link.remove': first(said(record)),
  'episode.append': first(
    said(
      { event_type: text(64) },
      {
        sender: text(128),
        recipient: text(128),
        body: bodyRef,
        inference_receipt_id: name,
        audit_event_hash: text(64),
      },
    ),
  ),
  'mesh.genesis': first(said({ name, authority: matches(parsePublicKey), recovery, members: founders })),
  'mesh.level': first(said({ level: whole(FIRST_LEVEL + 1, LEVELS_MAX) })),
  'mesh.recover': first(said({ authority: matches(parsePublicKey) })),
  'peer.enrol': first(said({ peer: matches(parsePeerId), name, role }, { invite: text(64) })),
  'peer.revoke': first(said({ peer: matches(parsePeerId), cut })),
  'peer.leave_behind': first(said({ peer: matches(parsePeerId), cut })),
  'peer.cut': first(said({ peer: matches(parsePeerId), last: lastSeqByChain })),
}

export const OWN_READS: Reads = { level: FORMAT_LEVEL, kinds: KINDS }
