/**
 * Numbers, ids and texts as the bytes of a checkpoint. Written and read here alone, on one disk: what is read has been checked against its
 * digest, so a form that does not fit is a bug, and still an error that its reader survives.
 *
 * A number is 7 bits a byte, the lowest first, the eighth bit says that more follow. An id is its raw bytes, a text its length and UTF-8.
 */
import { DIGIT, bytesToHex } from '../../crdt/ids.ts'

/** So many bytes are handed on at once: some 2 to 5 ms of encoding, and what a digest is taken of. */
export const PIECE_BYTES = 256 * 1024

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder('utf-8', { fatal: true }) }
/** Of a safe integer. */
const NUMBER_BYTES_MAX = 8

export class CheckpointWriter {
  #bytes = new Uint8Array(2 * PIECE_BYTES)
  #at = 0

  uint(value: number): void {
    this.#room(NUMBER_BYTES_MAX)
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#at++] = (rest % 0x80) | 0x80
    this.#bytes[this.#at++] = rest
  }

  /** An even number of hex digits, whose count the reader knows. */
  hex(digits: string): void {
    this.#room(digits.length / 2)
    for (let i = 0; i < digits.length; i += 2)
      this.#bytes[this.#at++] = (DIGIT[digits.charCodeAt(i)]! << 4) | DIGIT[digits.charCodeAt(i + 1)]!
  }

  uuid(id: string): void {
    for (const part of [id.slice(0, 8), id.slice(9, 13), id.slice(14, 18), id.slice(19, 23), id.slice(24)])
      this.hex(part)
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  text(text: string): void {
    const bytes = utf8.encoder.encode(text)
    this.uint(bytes.length)
    this.raw(bytes)
  }

  /** Pieces of just `PIECE_BYTES`, as many as are full; at the end the rest, too. */
  *pieces(isEnd = false): Generator<Uint8Array> {
    let from = 0
    for (; this.#at - from >= PIECE_BYTES; from += PIECE_BYTES) yield this.#bytes.slice(from, from + PIECE_BYTES)
    if (isEnd && this.#at > from) {
      yield this.#bytes.slice(from, this.#at)
      from = this.#at
    }
    this.#bytes.copyWithin(0, from, this.#at)
    this.#at -= from
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(2 * (this.#at + bytes))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** @throws RangeError at bytes that end too early, TypeError at text that is none. */
export class CheckpointReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    // A Buffer's own `slice` would not copy.
    this.#bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  uint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      if (this.#at >= this.#bytes.length || scale > 2 ** 49) throw new RangeError('a number is cut short')
      const byte = this.#bytes[this.#at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  hex(bytes: number): string {
    return bytesToHex(this.#take(bytes))
  }

  uuid(): string {
    const hex = this.hex(16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** A copy, which keeps nothing else alive. */
  raw(bytes: number): Uint8Array {
    return this.#take(bytes).slice()
  }

  text(): string {
    return utf8.decoder.decode(this.#take(this.uint()))
  }

  /** As many items as the number that stands here says. */
  list<T>(item: () => T): T[] {
    const items: T[] = []
    for (let left = this.uint(); left > 0; left--) items.push(item())
    return items
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError('bytes are left over')
  }

  #take(bytes: number): Uint8Array {
    const end = this.#at + bytes
    if (end > this.#bytes.length) throw new RangeError('bytes are cut short')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}
