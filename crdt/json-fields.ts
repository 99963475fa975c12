/**
 * Reads JSON from outside field by field, where bytes are base64url and nothing may stand that was not asked for.
 */
import { fromBase64Url } from './base64.ts'
import { limits } from './limits.ts'
import { HASH_BYTES } from './merkle.ts'

/** The object, when it has exactly these fields. */
export const fieldsOf = (value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const keys = Object.keys(value)
  return keys.length === names.length && names.every((name) => Object.hasOwn(value, name))
    ? (value as Readonly<Record<string, unknown>>)
    : null
}

/** A whole number from 0 to `most`. */
export const isCount = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most

/** At most `most` bytes, in base64url. */
export const bytesIn = (value: unknown, most: number): Uint8Array | null =>
  typeof value === 'string' && value.length <= Math.ceil((most * 4) / 3) ? fromBase64Url(value) : null

/** The hashes of a Merkle path, joined. */
export const hashesIn = (value: unknown): readonly Uint8Array[] | null => {
  const bytes = bytesIn(value, HASH_BYTES * limits.merkle_proof_hashes_max)
  if (bytes === null || bytes.length % HASH_BYTES !== 0) return null
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, n) => bytes.slice(n * HASH_BYTES, (n + 1) * HASH_BYTES))
}
