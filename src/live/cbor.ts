/**
 * Reading the CBOR (RFC 8949) that automerge-repo clients write around their messages, and nothing more of it.
 *
 * A client's frame is the first thing a stranger's bytes meet, so the general library (tags, records, shared references,
 * lengths believed before they are checked) is left out of the way: definite lengths only, no tags, text keys once each,
 * and every length held against the bytes that are there before anything is made of it.
 */
import { liveLimits } from './limits.ts'

export type CborValue =
  string | number | boolean | null | Uint8Array | readonly CborValue[] | ReadonlyMap<string, CborValue>

class Malformed extends Error {}

/** @returns the one value that `bytes` hold; null when they are not, or are more than the limits allow. */
export const readCbor = (bytes: Uint8Array): { readonly value: CborValue } | null => {
  try {
    const reader = createReader(bytes)
    const value = readValue(reader, 0)
    return reader.left() === 0 ? { value } : null
  } catch (error) {
    // Text that is no UTF-8 is a TypeError of the decoder.
    if (error instanceof Malformed || error instanceof TypeError) return null
    throw error
  }
}

const readValue = (reader: Reader, depth: number): CborValue => {
  reader.count()
  if (depth > liveLimits.live_envelope_depth_max) throw new Malformed('too deep')
  const initial = reader.byte()
  const info = initial & 0x1f
  switch (initial >> 5) {
    case 0:
      return reader.argument(info)
    case 1:
      return -1 - reader.argument(info)
    case 2:
      return reader.take(reader.argument(info))
    case 3:
      return utf8.decode(reader.take(reader.argument(info)))
    case 4:
      return readList(reader, info, depth)
    case 5:
      return readMap(reader, info, depth)
    case 7:
      return readSimple(reader, info)
    default:
      throw new Malformed('a tag')
  }
}

// A length is only ever counted down, never allocated: the bytes or the limit on values end before a false one does.
const readList = (reader: Reader, info: number, depth: number): readonly CborValue[] => {
  const values: CborValue[] = []
  for (let left = reader.argument(info); left > 0; left--) values.push(readValue(reader, depth + 1))
  return values
}

const readMap = (reader: Reader, info: number, depth: number): ReadonlyMap<string, CborValue> => {
  const valueByKey = new Map<string, CborValue>()
  for (let left = reader.argument(info); left > 0; left--) {
    const key = readValue(reader, depth + 1)
    if (typeof key !== 'string' || valueByKey.has(key)) throw new Malformed('a key that is no text, or stands twice')
    valueByKey.set(key, readValue(reader, depth + 1))
  }
  return valueByKey
}

/** `undefined` is read as null: a client writes it for a field it has no value for. */
const readSimple = (reader: Reader, info: number): CborValue => {
  switch (info) {
    case 20:
    case 21:
      return info === 21
    case 22:
    case 23:
      return null
    case 26:
      return reader.view(4).getFloat32(0)
    case 27:
      return reader.view(8).getFloat64(0)
    default:
      throw new Malformed('a simple value that no client writes')
  }
}

// Without ignoreBOM a leading U+FEFF would vanish, and two different ids be read as one.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Reader = ReturnType<typeof createReader>

const createReader = (bytes: Uint8Array) => {
  let at = 0
  let values = 0
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw new Malformed('cut short')
    at += count
    return bytes.subarray(at - count, at)
  }
  const view = (count: number): DataView => {
    const taken = take(count)
    return new DataView(taken.buffer, taken.byteOffset, count)
  }
  const argument = (info: number): number => {
    if (info < 24) return info
    if (info === 24) return view(1).getUint8(0)
    if (info === 25) return view(2).getUint16(0)
    if (info === 26) return view(4).getUint32(0)
    if (info !== 27) throw new Malformed('an indefinite length')
    const wide = view(8).getBigUint64(0)
    if (wide > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('a number past 2^53')
    return Number(wide)
  }
  return {
    left: () => bytes.length - at,
    byte: () => take(1)[0]!,
    take,
    view,
    argument,
    count: () => {
      if (++values > liveLimits.live_envelope_values_max) throw new Malformed('too many values')
    },
  }
}
