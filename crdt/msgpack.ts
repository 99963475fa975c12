/**
 * MessagePack as mnemesh writes it: one byte form for each value, so that bytes can be hashed and compared.
 *
 * Used types: nil, boolean, unsigned integers (shortest form; from 2^32 on int 64), str, bin, array. No maps, floats,
 * extensions or negative integers. `unpack` refuses what `pack` would have written otherwise.
 */
import { Packr } from 'msgpackr'
import { limits } from './limits.ts'

export type Packable = null | boolean | number | string | Uint8Array | readonly Packable[]

const packr = new Packr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number', copyBuffers: true, bundleStrings: false })

/** @throws RangeError or TypeError for what is not `Packable` (a bug of the caller). */
export const pack = (value: Packable): Uint8Array => {
  // msgpackr writes numbers from 2^32 on as floats, and BigInts as int 64.
  return Uint8Array.from(packr.pack(widen(value)))
}

/** Also the guard of both directions: whatever is not `Packable` has no form, so `unpack` refuses it too. */
const widen = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(widen)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} has no form: only safe integers from 0 on`)
    return value > 0xffff_ffff ? BigInt(value) : value
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || value instanceof Uint8Array) return value
  throw new TypeError(`a ${typeof value} has no form`)
}

/**
 * The value, or null when the bytes are not exactly what `pack` writes. Bound the size before calling. Never throws.
 *
 * @param valuesMax more values, arrays among them, are refused by a scan, before an object is made of any.
 */
export const unpack = (bytes: Uint8Array, valuesMax: number = limits.packed_values_max): Packable | null => {
  if (!hasAtMost(valuesMax, bytes)) return null
  try {
    const value = packr.unpack(bytes) as Packable
    return equalBytes(pack(value), bytes) ? value : null
  } catch {
    return null
  }
}

const hasAtMost = (valuesMax: number, bytes: Uint8Array): boolean => {
  let values = 0
  for (let at = 0; at < bytes.length; at += sizeAt(bytes, at)) if (++values > valuesMax) return false
  return true
}

/** Bytes of the value at `at`, of an array its header alone; Infinity for a type that is not used. */
const sizeAt = (bytes: Uint8Array, at: number): number => {
  const type = bytes[at]!
  if (type <= 0x7f || (type >= 0x90 && type <= 0x9f) || type === 0xc0 || type === 0xc2 || type === 0xc3) return 1
  if (type >= 0xa0 && type <= 0xbf) return 1 + (type & 0x1f)
  const form = FORMS.get(type)
  if (form === undefined) return Number.POSITIVE_INFINITY
  let length = 0
  for (let i = 1; i <= form.lengthBytes; i++) length = length * 256 + (bytes[at + i] ?? 0)
  return 1 + form.lengthBytes + form.fixed + length
}

/** By type byte, beyond the one-byte ones: bytes that hold a length, and bytes that follow in any case. */
const FORMS: ReadonlyMap<number, { readonly lengthBytes: number; readonly fixed: number }> = new Map([
  ...[0xc4, 0xc5, 0xc6, 0xd9, 0xda, 0xdb].map((type, i) => [type, { lengthBytes: 2 ** (i % 3), fixed: 0 }] as const),
  ...[0xcc, 0xcd, 0xce].map((type, i) => [type, { lengthBytes: 0, fixed: 2 ** i }] as const),
  [0xd3, { lengthBytes: 0, fixed: 8 }],
  ...[0xdc, 0xdd].map((type, i) => [type, { lengthBytes: 0, fixed: 2 ** (i + 1) }] as const),
])

/** As `unpack`, without the comparison: for bytes that nobody hashes (frames). May yield values outside `Packable`: check shapes. */
export const unpackLoose = (bytes: Uint8Array): unknown => {
  try {
    return packr.unpack(bytes)
  } catch {
    return undefined
  }
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
