/**
 * MessagePack as mnemesh writes it: one byte form for each value, so that bytes can be hashed and compared.
 *
 * Used types: nil, boolean, unsigned integers (shortest form; from 2^32 on int 64), str, bin, array. No maps, floats,
 * extensions or negative integers. `unpack` refuses what `pack` would have written otherwise.
 */
import { Packr } from 'msgpackr'
import { limits } from './limits.ts'
import { readPacked, type Packable } from './packed-reader.ts'

export type { Packable } from './packed-reader.ts'

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: false,
  int64AsType: 'number',
  copyBuffers: true,
  bundleStrings: false,
})

/** @throws RangeError or TypeError for what is not `Packable` (a bug of the caller). */
export const pack = (value: Packable): Uint8Array => {
  // msgpackr writes numbers from 2^32 on as floats, and BigInts as int 64.
  return Uint8Array.from(packr.pack(widen(value)))
}

/** Also the guard of both directions: whatever is not `Packable` has no form, so `unpack` refuses it too. */
const widen = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(widen)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} has no form: only safe integers from 0 on`)
    return value > 0xffff_ffff ? BigInt(value) : value
  }
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || value instanceof Uint8Array)
    return value
  throw new TypeError(`a ${typeof value} has no form`)
}

/**
 * The value, or null when the bytes are not exactly what `pack` writes. For what we wrote ourselves and read back from a disk; what comes
 * from others is read in its own shape (`packed-reader.ts`). Never throws.
 *
 * @param valuesMax more values, lists among them, are refused; so is what is nested deeper than `packed_depth_max`.
 */
export const unpack = (bytes: Uint8Array, valuesMax: number = limits.packed_values_max): Packable | null => {
  const read = readPacked(bytes, (reader) => reader.any(limits.packed_depth_max), valuesMax)
  return read.ok ? read.value : null
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
