/**
 * MessagePack as mnemesh writes it: one byte form for each value, so that bytes can be hashed and compared.
 *
 * Used types: nil, boolean, unsigned integers (shortest form; from 2^32 on int 64), str, bin, array. No maps, floats,
 * extensions or negative integers. `unpack` refuses what `pack` would have written otherwise.
 */
import { Packr } from 'msgpackr'

export type Packable = null | boolean | number | string | Uint8Array | readonly Packable[]

const packr = new Packr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number', copyBuffers: true, bundleStrings: false })

export const pack = (value: Packable): Uint8Array => {
  // msgpackr writes numbers from 2^32 on as floats, and BigInts as int 64.
  return Uint8Array.from(packr.pack(widen(value)))
}

const widen = (value: Packable): unknown => {
  if (typeof value === 'number' && value > 0xffff_ffff) return BigInt(value)
  return Array.isArray(value) ? value.map(widen) : value
}

/** The value, or null when the bytes are not exactly what `pack` writes. Bound the size before calling. Never throws. */
export const unpack = (bytes: Uint8Array): Packable | null => {
  try {
    const value = packr.unpack(bytes) as Packable
    return equalBytes(pack(value), bytes) ? value : null
  } catch {
    return null
  }
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
