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
  const form = formOf(bytes, valuesMax)
  if (form === 'refused') return null
  try {
    const value = packr.unpack(bytes) as Packable
    // Whether text is valid UTF-8 is known by writing it again.
    return form === 'canonical' || equalBytes(pack(value), bytes) ? value : null
  } catch {
    return null
  }
}

/**
 * Whether each value stands in its one form, without making any: writing all again to compare takes twice as long as reading.
 * `unsure`: but for text beyond ASCII.
 */
const formOf = (bytes: Uint8Array, valuesMax: number): 'canonical' | 'unsure' | 'refused' => {
  let form: 'canonical' | 'unsure' = 'canonical'
  let [at, values] = [0, 0]
  // Values that are still to come. A number that is cut off reads as if zeros followed, and `at` is past the end.
  for (let due = 1; due > 0; due--) {
    if (at >= bytes.length || ++values > valuesMax) return 'refused'
    const type = bytes[at]!
    if (type <= 0x7f || type === 0xc0 || type === 0xc2 || type === 0xc3) at++
    else if (type >= 0x90 && type <= 0x9f) {
      due += type & 0x0f
      at++
    } else {
      const short = type >= 0xa0 && type <= 0xbf
      const known = short ? SHORT_TEXT : FORMS.get(type)
      if (known === undefined) return 'refused'
      const number = short ? type & 0x1f : uintAt(bytes, at + 1, known.bytes)
      if (number < known.least || number > Number.MAX_SAFE_INTEGER) return 'refused'
      at += 1 + known.bytes
      if (known.of === 'array') due += number
      if (known.of === 'uint' || known.of === 'array') continue
      if (number > bytes.length - at) return 'refused'
      if (known.of === 'text' && !isAscii(bytes, at, at + number)) form = 'unsure'
      at += number
    }
  }
  return at === bytes.length ? form : 'refused'
}

/** `bytes`: of the number behind the type, the value itself or a length. `least`: what has no shorter form. */
type Form = { readonly of: 'uint' | 'bin' | 'text' | 'array'; readonly bytes: number; readonly least: number }
const SHORT_TEXT: Form = { of: 'text', bytes: 0, least: 0 }
const FORMS: ReadonlyMap<number, Form> = new Map([
  [0xcc, { of: 'uint', bytes: 1, least: 0x80 }], [0xcd, { of: 'uint', bytes: 2, least: 0x100 }], [0xce, { of: 'uint', bytes: 4, least: 0x1_0000 }], [0xd3, { of: 'uint', bytes: 8, least: 0x1_0000_0000 }],
  [0xc4, { of: 'bin', bytes: 1, least: 0 }], [0xc5, { of: 'bin', bytes: 2, least: 0x100 }], [0xc6, { of: 'bin', bytes: 4, least: 0x1_0000 }],
  [0xd9, { of: 'text', bytes: 1, least: 0x20 }], [0xda, { of: 'text', bytes: 2, least: 0x100 }], [0xdb, { of: 'text', bytes: 4, least: 0x1_0000 }],
  [0xdc, { of: 'array', bytes: 2, least: 0x10 }], [0xdd, { of: 'array', bytes: 4, least: 0x1_0000 }],
])

const uintAt = (bytes: Uint8Array, at: number, length: number): number => {
  let number = 0
  for (let i = at; i < at + length; i++) number = number * 256 + (bytes[i] ?? 0)
  return number
}

const isAscii = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (bytes[at]! > 0x7f) return false
  return true
}

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
