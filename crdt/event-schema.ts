/**
 * The schema of every kind of event: exact keys, exact types, bounds of `limits.ts` (all AGREED: they decide what is valid).
 *
 * A schema is a table field → check; a check answers true when the value fits. Unknown kinds and unknown fields are
 * refused: a later format says so by its version.
 */
import type { Json } from './canonical.ts'
import { CONTROL_NAMESPACE, parseAgentId, parseChainId, parseEventId, parseNamespace, parsePeerId, parseRecordId, parseRef } from './ids.ts'
import { limits } from './limits.ts'

type Check = (value: Json) => boolean
type Schema = { readonly required: Readonly<Record<string, Check>>; readonly optional: Readonly<Record<string, Check>> }

/** Null when `value` is a valid event, else the first fault, in words. */
export const checkEvent = (value: Json): string | null => {
  if (!isObject(value)) return 'not an object'
  const kind = value['kind']
  const schema = typeof kind === 'string' && Object.hasOwn(SCHEMA_BY_KIND, kind) ? SCHEMA_BY_KIND[kind]! : null
  if (schema === null) return 'kind is unknown'
  const fault = checkObject(value, schema)
  if (fault !== null) return fault
  const inControl = value['ns'] === CONTROL_NAMESPACE
  return inControl === CONTROL_KINDS.has(kind as string) ? null : 'ns does not take this kind'
}

const checkObject = (value: Readonly<Record<string, Json>>, schema: Schema): string | null => {
  for (const name of Object.keys(schema.required)) if (!Object.hasOwn(value, name)) return `${name} is missing`
  for (const name of Object.keys(value)) {
    const check = Object.hasOwn(schema.required, name) ? schema.required[name] : Object.hasOwn(schema.optional, name) ? schema.optional[name] : undefined
    if (check === undefined) return `${name} is unknown`
    if (!check(value[name]!)) return `${name} does not fit`
  }
  return null
}

const isObject = (value: Json): value is Readonly<Record<string, Json>> => typeof value === 'object' && value !== null && !Array.isArray(value)
const matches = (parse: (text: string) => unknown): Check => (value) => typeof value === 'string' && parse(value) !== null
const text = (bytesMax: number): Check => (value) => typeof value === 'string' && value.length > 0 && fitsUtf8(value, bytesMax) && !value.includes('\u0000')
const nullable = (check: Check): Check => (value) => value === null || check(value)
const oneOf = (...values: readonly Json[]): Check => (value) => values.includes(value)
const whole = (min: number, max: number): Check => (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
const encoder = new TextEncoder()
/** UTF-16 units bound the bytes from both sides, so most texts need not be encoded to be measured. */
const fitsUtf8 = (value: string, bytesMax: number): boolean => value.length * 3 <= bytesMax || (value.length <= bytesMax && encoder.encode(value).length <= bytesMax)

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

const name = text(limits.name_bytes_max)
const bodyRef: Check = (value) => isObject(value) && Object.keys(value).length === 1 && matches(parseRef)(value['ref'] ?? null)

const tagList: Check = (value) =>
  Array.isArray(value) && value.length <= limits.tags_per_event_max && value.every(text(limits.tag_bytes_max)) && new Set(value).size === value.length
const tagLists: Schema = { required: { add: tagList, remove: tagList }, optional: {} }
const tags: Check = (value) =>
  isObject(value) && checkObject(value, tagLists) === null && !(value['add'] as readonly string[]).some((tag) => (value['remove'] as readonly string[]).includes(tag))

const SCALARS: Readonly<Record<string, Check>> = {
  kind: name,
  tier: name,
  priority: whole(1, 10),
  confidence: (value) => typeof value === 'number' && value >= 0 && value <= 1,
}
const CLEARABLE: Readonly<Record<string, Check>> = { scope: name, run_id: name, occurred_at: isTime, expires_at: isTime, title: bodyRef, metadata: bodyRef, source: bodyRef }
const cleared = Object.fromEntries(Object.entries(CLEARABLE).map(([field, check]) => [field, nullable(check)]))

const object = (schema: Schema): Check => (value) => isObject(value) && checkObject(value, schema) === null
const putSet = object({ required: { content: bodyRef }, optional: { ...SCALARS, ...CLEARABLE } })
const patchSet = object({ required: {}, optional: { content: bodyRef, ...SCALARS, ...cleared } })

const said = (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Schema => ({
  required: {
    v: oneOf(1),
    id: matches(parseEventId),
    ns: (value) => value === CONTROL_NAMESPACE || matches(parseNamespace)(value),
    kind: () => true,
    agent: matches(parseAgentId),
    at: isTime,
    ...required,
  },
  optional,
})
const record = { record: matches(parseRecordId) }
const lastSeqByChain: Check = (value) => isObject(value) && Object.keys(value).length <= 128 && Object.entries(value).every(([chain, seq]) => parseChainId(chain) !== null && whole(1, limits.seq_max)(seq))

const CONTROL_KINDS = new Set(['mesh.genesis', 'peer.enrol', 'peer.revoke'])
const SCHEMA_BY_KIND: Readonly<Record<string, Schema>> = {
  'memory.put': said({ ...record, set: putSet }, { tags }),
  'memory.patch': said({ ...record, set: patchSet }, { tags }),
  'memory.forget': said(record),
  'memory.restore': said(record),
  'memory.erase': said(record),
  'link.put': said({ ...record, from: matches(parseRecordId), to: matches(parseRecordId), relation: name }, { valid_from: isTime, valid_until: isTime }),
  'link.remove': said(record),
  'episode.append': said({ event_type: text(64) }, { sender: text(128), recipient: text(128), body: bodyRef, inference_receipt_id: name, audit_event_hash: text(64) }),
  'mesh.genesis': said({ name }),
  'peer.enrol': said({ peer: matches(parsePeerId), name, role: oneOf('voter', 'observer') }, { invite: text(64) }),
  'peer.revoke': said({ peer: matches(parsePeerId), last: lastSeqByChain }),
}
