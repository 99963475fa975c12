/**
 * JSON of a request, parsed only after a scan has shown that parsing is cheap.
 *
 * The scan reads each byte once (about 1 ns) and refuses by nesting, by number of values and by encoding before a parser
 * allocates anything: 200,000 brackets or 10^6 keys cost microseconds. It refuses integers that no double holds, which would lose
 * digits, and notes the few other things that JSON can say and that do not survive: lone surrogates and NUL (Postgres holds
 * neither), 1e400; and keys like `__proto__`, which are data within `metadata` and nothing anywhere else.
 * Only a text that shows a sign of these is walked after parsing; an ordinary one never is.
 */
import { isUtf8 } from 'node:buffer'

import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'

/** @param bytes a request's body, within `request_bytes_max`. @throws NodeError malformed, naming what is wrong. */
export const parseJson = (bytes: Buffer): unknown => {
  const suspicious = scan(bytes)
  const value = parse(bytes)
  if (suspicious) walk(value)
  return value
}

/** The same for a large body: each of its three steps in a turn of its own. */
export const parseLargeJson = async (bytes: Buffer, nextTurn: () => Promise<unknown>): Promise<unknown> => {
  const suspicious = scan(bytes)
  await nextTurn()
  const value = parse(bytes)
  await nextTurn()
  if (suspicious) {
    walk(value)
    await nextTurn()
  }
  return value
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LOWER_U = 0x75
const LOWER_E = 0x65
const DOT = 0x2e
/** 2^53 has 16 digits. */
const LONG_DIGITS = 16

/** True when the parsed value needs a second look. */
const scan = (bytes: Buffer): boolean => {
  let depth = 0
  let values = 1
  let digits = 0
  let suspicious = false
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (inString) {
      if (byte === BACKSLASH) {
        i++
        if (bytes[i] === LOWER_U) suspicious = true
      } else if (byte === QUOTE) inString = false
      continue
    }
    if (byte >= 0x30 && byte <= 0x39) {
      digits++
      continue
    }
    if (digits > 0) {
      const isExponent = (byte | 0x20) === LOWER_E
      if (isExponent) suspicious = true
      else if (digits >= LONG_DIGITS && byte !== DOT) refuseUnsafe(bytes, i - digits, i)
      digits = 0
    }
    if (byte === QUOTE) {
      inString = true
      suspicious ||= mayBeForbidden(bytes, i + 1)
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > limits.request_json_depth_max)
        throw malformed(`JSON nests deeper than ${limits.request_json_depth_max}; flatten it`)
      values++
    } else if (byte === 0x7d || byte === 0x5d) depth--
    else if (byte === 0x2c) values++
    if (values > limits.request_json_values_max)
      throw malformed(`JSON holds more than ${limits.request_json_values_max} values; send it in parts`)
  }
  if (digits >= LONG_DIGITS) refuseUnsafe(bytes, bytes.length - digits, bytes.length)
  if (!isUtf8(bytes)) throw malformed('the body is not UTF-8; encode it so')
  return suspicious
}

/** True for a string that begins like a forbidden key: with _, cons or proto. Few do, and each costs a walk, no refusal. */
const mayBeForbidden = (bytes: Buffer, start: number): boolean => {
  const first = bytes[start]
  return (
    first === 0x5f || (first === 0x63 && bytes[start + 3] === 0x73) || (first === 0x70 && bytes[start + 4] === 0x6f)
  )
}

/** The digits of the greatest double. */
const DOUBLE_DIGITS_MAX = 309

/** Digits that stand for an integer (behind a dot they are a fraction, which every double rounds) and that a double would change. */
const refuseUnsafe = (bytes: Buffer, start: number, end: number): void => {
  if (bytes[start - 1] === DOT) return
  if (end - start <= DOUBLE_DIGITS_MAX) {
    const digits = bytes.toString('latin1', start, end)
    const double = Number(digits)
    // 2^53 may be what 2^53 + 1 was rounded to before it was sent; beyond it nobody counts, and the shortest form of a double is its own.
    if (
      Number.isSafeInteger(double) ||
      (double > BEYOND_COUNTING && Number.isFinite(double) && BigInt(double) === BigInt(digits))
    )
      return
  }
  throw malformed('an integer is beyond 2^53 and would lose digits; send it as a string')
}
/** 2^53 itself. */
const BEYOND_COUNTING = Number.MAX_SAFE_INTEGER + 1

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw malformed(`the body is not JSON: ${oneLine(error instanceof Error ? error.message : 'unreadable')}`)
  }
}

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])
/** Lone surrogates (with the u flag a pair is one character, outside this range) and NUL. */
const UNSTORABLE = new RegExp('[\\u0000\\ud800-\\udfff]', 'u')

export const isStorable = (text: string): boolean => !UNSTORABLE.test(text)

const walk = (value: unknown, labels = false): void => {
  if (typeof value === 'string') {
    if (!isStorable(value))
      throw malformed('a string holds NUL or half a surrogate pair, which no text can; take it out')
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw malformed('a number is too large to be one; send it as a string')
  } else if (Array.isArray(value)) {
    for (const item of value) walk(item, labels)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (!labels && FORBIDDEN_KEYS.has(key))
        throw malformed(`the key ${key} is not allowed outside metadata; name it otherwise`)
      walk(key)
      walk(item, labels || key === 'metadata')
    }
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 200)
const malformed = (message: string): NodeError => new NodeError('malformed', message)
