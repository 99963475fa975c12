/**
 * Reads canonical MessagePack field by field, in the shape that its caller expects: how all bytes from outside are read.
 *
 * Nothing is built but what was asked for: no maps, floats, extensions, negative numbers, and no form but the shortest. A reader has
 * a budget of values, and each list, number and length is bounded where it is asked for, so what a message costs follows
 * from its shape and not from who wrote it.
 *
 * Source: github.com/msgpack/msgpack/blob/master/spec.md. Invariant: whatever is read, written again by `pack`, gives the same bytes.
 */
import { bytesToHex } from './ids.ts'
import { limits } from './limits.ts'

/** What has a form in these bytes. */
export type Packable = null | boolean | number | string | Uint8Array | readonly Packable[]

/** `form`: not the one form of any value, cut short, or with bytes left over. `shape`: well formed, and not what is due here. */
export type PackedFault = 'form' | 'shape'
export type PackedResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: PackedFault }

/**
 * What `read` makes of the bytes, when it used all of them. Never throws but for what `read` itself throws.
 *
 * @param valuesMax lists among them; one more is a fault.
 */
export const readPacked = <T>(
  bytes: Uint8Array,
  read: (reader: PackedReader) => T,
  valuesMax: number = limits.packed_values_max,
): PackedResult<T> =>
  readStart(
    bytes,
    (reader) => {
      const value = read(reader)
      reader.end()
      return value
    },
    valuesMax,
  )

/** What stands at the beginning; what follows it is not looked at. */
export const readStart = <T>(
  bytes: Uint8Array,
  read: (reader: PackedReader) => T,
  valuesMax: number = limits.packed_values_max,
): PackedResult<T> => {
  try {
    return { ok: true, value: read(new PackedReader(bytes, valuesMax)) }
  } catch (error) {
    if (error === BAD_FORM) return { ok: false, fault: 'form' }
    if (error === BAD_SHAPE) return { ok: false, fault: 'shape' }
    throw error
  }
}

/** Methods answer the next value and move past it; what is not as asked for ends the whole reading. */
export class PackedReader {
  readonly #bytes: Uint8Array
  #at = 0
  #left: number

  constructor(bytes: Uint8Array, valuesMax: number) {
    // A Buffer's own `slice` would not copy.
    this.#bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#left = valuesMax
  }

  /** The number of items of a list; each is read next. */
  list(least: number, most: number): number {
    const type = this.#type()
    const items =
      (type & 0xf0) === 0x90
        ? type & 0x0f
        : type === 0xdc
          ? this.#uint(2, 0x10)
          : type === 0xdd
            ? this.#uint(4, 0x1_0000)
            : misfit()
    return items >= least && items <= most ? items : misfit()
  }

  uint(least: number, most: number): number {
    const type = this.#type()
    const value = type <= 0x7f ? type : this.#wide(type)
    return value >= least && value <= most ? value : misfit()
  }

  /** A copy: a frame's bytes may be the driver's to reuse, and a part must not keep the whole alive. */
  bin(least: number, most: number = least): Uint8Array {
    const length = this.#binLength(least, most)
    const from = this.#at
    this.#at += length
    return this.#bytes.slice(from, this.#at)
  }

  /** Bytes of exactly this length, as hex. */
  hex(length: number): string {
    this.#binLength(length, length)
    const from = this.#at
    this.#at += length
    return bytesToHex(this.#bytes.subarray(from, this.#at))
  }

  text(bytesMax: number): string {
    const type = this.#type()
    const length =
      (type & 0xe0) === 0xa0
        ? type & 0x1f
        : type === 0xd9
          ? this.#uint(1, 0x20)
          : type === 0xda
            ? this.#uint(2, 0x100)
            : type === 0xdb
              ? this.#uint(4, 0x1_0000)
              : misfit()
    if (length > this.#bytes.length - this.#at) throw BAD_FORM
    if (length > bytesMax) throw BAD_SHAPE
    const from = this.#at
    this.#at += length
    return textOf(this.#bytes, from, this.#at)
  }

  flag(): boolean {
    const type = this.#type()
    return type === 0xc3 || (type === 0xc2 ? false : misfit())
  }

  /** Whether nil comes next; then it is read. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false
    this.#type()
    return true
  }

  /** A value of any shape, for bytes of our own disk; nested at most so deep. */
  any(depthLeft: number): Packable {
    if (depthLeft < 0) throw BAD_SHAPE
    const type = this.#bytes[this.#at] ?? 0xc1
    if ((type & 0xf0) === 0x90 || type === 0xdc || type === 0xdd) {
      const items: Packable[] = []
      for (let left = this.list(0, this.#left); left > 0; left--) items.push(this.any(depthLeft - 1))
      return items
    }
    if (type <= 0x7f || (type >= 0xcc && type <= 0xd3)) return this.uint(0, Number.MAX_SAFE_INTEGER)
    if (type === 0xc0) return this.nil() ? null : misfit()
    if (type === 0xc2 || type === 0xc3) return this.flag()
    return type >= 0xc4 && type <= 0xc6 ? this.bin(0, this.#bytes.length) : this.text(this.#bytes.length)
  }

  /** What was read does not fit: ends the whole reading. */
  misfit(): never {
    throw BAD_SHAPE
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw BAD_FORM
  }

  #type(): number {
    if (--this.#left < 0) throw BAD_SHAPE
    const type = this.#bytes[this.#at++]
    if (type === undefined) throw BAD_FORM
    return type
  }

  #binLength(least: number, most: number): number {
    const type = this.#type()
    const length =
      type === 0xc4
        ? this.#uint(1, 0)
        : type === 0xc5
          ? this.#uint(2, 0x100)
          : type === 0xc6
            ? this.#uint(4, 0x1_0000)
            : misfit()
    if (length > this.#bytes.length - this.#at) throw BAD_FORM
    if (length < least || length > most) throw BAD_SHAPE
    return length
  }

  #wide(type: number): number {
    if (type === 0xcc) return this.#uint(1, 0x80)
    if (type === 0xcd) return this.#uint(2, 0x100)
    if (type === 0xce) return this.#uint(4, 0x1_0000)
    return type === 0xd3 ? this.#uint(8, 0x1_0000_0000) : misfit()
  }

  /** @param least what has no shorter form. */
  #uint(width: number, least: number): number {
    if (width > this.#bytes.length - this.#at) throw BAD_FORM
    let number = 0
    for (let left = width; left > 0; left--) number = number * 256 + this.#bytes[this.#at++]!
    if (number < least || number > Number.MAX_SAFE_INTEGER) throw BAD_FORM
    return number
  }
}

class Misfit extends Error {}
/** One of each, made once: to throw them costs a hostile message nothing to build. */
const BAD_FORM = new Misfit('not the one form of a value')
const BAD_SHAPE = new Misfit('another shape than is due here')
const misfit = (): never => {
  throw BAD_SHAPE
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Names are short and ASCII: for them the decoder's call takes longer than a loop. */
const textOf = (bytes: Uint8Array, from: number, to: number): string => {
  let text = ''
  if (to - from <= 64) {
    let at = from
    while (at < to && bytes[at]! <= 0x7f) text += String.fromCharCode(bytes[at++]!)
    if (at === to) return text
  }
  try {
    return utf8.decode(bytes.subarray(from, to))
  } catch {
    throw BAD_FORM
  }
}
