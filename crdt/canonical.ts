/**
 * RFC 8785 (JCS): the one byte form of a JSON value, so that any language can sign it and nobody has to serialise it again.
 *
 * Sizes are UTF-8 bytes. Depth counts open brackets: a scalar has 0, `[]` has 1.
 *
 * Invariants
 * - `parseCanonical(bytes)` succeeds ⇔ `bytes` are exactly `encodeCanonical(value)` of the value it answers. So duplicate keys,
 *   −0, 1e400, integers beyond double precision, white space, other escapes and lone surrogates need no rule of their own.
 * - `isJson(value)` ⇔ `canonicalize(value)` does not throw.
 * - A key `__proto__` is data: `JSON.parse` makes it an own property, and it is read back as one. Who copies a parsed object
 *   must not assign key by key (`target[key] = …` would set the prototype); spread keeps it an own property.
 * - Text is never normalised: NFC and NFD forms are different values.
 */
import { limits } from './limits.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export type ParseFault = 'too_large' | 'too_deep' | 'not_utf8' | 'not_json' | 'not_canonical'
export type ParsedCanonical =
  { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly reason: ParseFault }

/** The canonical text. Throws TypeError on what is no JSON value (see `jsonFault`): check what people gave with `isJson` first. */
export const canonicalize = (value: Json): string => {
  const fault = jsonFault(value)
  if (fault !== null) throw new TypeError(`not a JSON value: ${fault}`)
  return render(value)
}

/** The canonical text as UTF-8. Throws as `canonicalize` does. */
export const encodeCanonical = (value: Json): Uint8Array => encoder.encode(canonicalize(value))

/**
 * The value of canonical bytes. Never throws; at most linear in `bytesMax`, whatever the bytes.
 *
 * @param bytesMax longer input is refused unread; the default suits events, other texts have their own limit.
 */
export const parseCanonical = (bytes: Uint8Array, bytesMax: number = limits.event_bytes_max): ParsedCanonical => {
  const parsed = parseJson(bytes, bytesMax)
  if (!parsed.ok) return parsed
  // Well-formed UTF-8 and its text map one to one, so equal texts are equal bytes.
  return render(parsed.value) === parsed.text ? { ok: true, value: parsed.value } : refused('not_canonical')
}

/**
 * The value of JSON in any form, as long as that value has a canonical one (so no lone surrogates). Never throws; bounded as
 * `parseCanonical` is: size and depth are looked at before any parser sees the bytes. `text` is the bytes' own.
 */
export const parseJson = (
  bytes: Uint8Array,
  bytesMax: number,
): (ParsedCanonical & { readonly ok: false }) | { readonly ok: true; readonly value: Json; readonly text: string } => {
  if (bytes.length > bytesMax) return refused('too_large')
  if (isDeeperThan(bytes, limits.json_depth_max)) return refused('too_deep')
  const text = decodeUtf8(bytes)
  if (text === null) return refused('not_utf8')
  const parsed = parsedOf(text)
  if (parsed === null) return refused('not_json')
  return isJson(parsed.value) ? { ok: true, value: parsed.value, text } : refused('not_canonical')
}

/** True for a value that has a canonical form: null, booleans, finite numbers, well-formed strings, arrays and plain objects of these. */
export const isJson = (value: unknown): value is Json => jsonFault(value) === null

/** Why `value` has no canonical form, in a few words, or null when it has one. `value` must be a tree, as parsers make them. */
export const jsonFault = (value: unknown, depth = 0): string | null => {
  switch (typeof value) {
    case 'boolean':
      return null
    case 'number':
      return Number.isFinite(value) ? null : 'a number that is not finite'
    case 'string':
      return LONE_SURROGATE.test(value) ? 'a string with a lone surrogate' : null
    case 'object':
      if (value === null) return null
      if (depth >= limits.json_depth_max) return `nested deeper than ${limits.json_depth_max}`
      return Array.isArray(value) ? arrayFault(value, depth + 1) : objectFault(value, depth + 1)
    default:
      return `a value of type ${typeof value}`
  }
}

const arrayFault = (items: readonly unknown[], depth: number): string | null => {
  // `for of` visits holes as undefined, which is refused.
  for (const item of items) {
    const fault = jsonFault(item, depth)
    if (fault !== null) return fault
  }
  return null
}

const objectFault = (object: object, depth: number): string | null => {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return 'an object that is neither plain nor an array'
  for (const [key, value] of Object.entries(object)) {
    if (LONE_SURROGATE.test(key)) return 'a key with a lone surrogate'
    const fault = jsonFault(value, depth)
    if (fault !== null) return fault
  }
  return null
}

/** With the flag `u` a surrogate matches only where it has no partner. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** Needs `isJson(value)`. RFC 8785 §3.2.2: scalars as ECMAScript prints them; §3.2.3: keys in order of UTF-16 code units. */
const render = (value: Json): string => {
  if (typeof value === 'string') return quote(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  let inner = ''
  if (isArray(value)) {
    for (const item of value) inner += (inner === '' ? '' : ',') + render(item)
    return `[${inner}]`
  }
  for (const key of Object.keys(value).sort()) inner += `${inner === '' ? '' : ','}${quote(key)}:${render(value[key]!)}`
  return `{${inner}}`
}

/** Printable ASCII without quote and backslash stands for itself: half the time of the general way for a typical event. */
const quote = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text))
const PLAIN = /^[ !#-[\]-~]*$/

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value)

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Whether brackets outside strings nest deeper than `max`: one pass, before any parser sees the bytes. A parser that stops at
 * the first error never opens more brackets than this scan has counted up to there.
 */
const isDeeperThan = (bytes: Uint8Array, max: number): boolean => {
  let depth = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte === QUOTE) inString = !inString
    else if (inString) {
      if (byte === BACKSLASH) i++
    } else if (byte === 0x5b || byte === 0x7b) {
      depth++
      if (depth > max) return true
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return false
}

const encoder = new TextEncoder()
/** `ignoreBOM` keeps a byte order mark in the text, where the JSON parser refuses it; otherwise it would vanish silently. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const decodeUtf8 = (bytes: Uint8Array): string | null => {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

const parsedOf = (text: string): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return null
  }
}

const refused = (reason: ParseFault): ParsedCanonical & { readonly ok: false } => ({ ok: false, reason })
