/**
 * MessagePack once more, written from the format's page without looking at `crdt/msgpack.ts`: slow, strict, obvious. What the
 * fuzzers hold the product's reader against, and the writer of bytes that the product's own would never write.
 *
 * Source: github.com/msgpack/msgpack/blob/master/spec.md; strictness: the header of `crdt/msgpack.ts`.
 */

/** A node: a value, or bytes to be written as they are in place of one. */
export type Node = null | boolean | number | string | Uint8Array | readonly Node[] | { readonly raw: Uint8Array }

/** The value, if the bytes are exactly its one form and hold at most `valuesMax` values; else undefined. */
export const readStrictly = (bytes: Uint8Array, valuesMax: number): Node | undefined => {
  let at = 0
  let values = 0
  const fail = (): never => {
    throw new NotOurs()
  }
  const number = (width: number): number => {
    if (at + width > bytes.length) fail()
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + bytes[at++]!
    return value
  }
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) fail()
    at += length
    return bytes.subarray(at - length, at)
  }
  const text = (length: number): string =>
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(take(length))
  const atLeast = (min: number, value: number): number => (value >= min ? value : fail())
  const list = (length: number, depth: number): Node[] => {
    const items: Node[] = []
    for (let i = 0; i < length; i++) items.push(value(depth + 1))
    return items
  }
  const value = (depth: number): Node => {
    if (++values > valuesMax || depth > DEPTH_MAX) fail()
    const type = number(1)
    if (type <= 0x7f) return type
    if (type >= 0x90 && type <= 0x9f) return list(type & 0x0f, depth)
    if (type >= 0xa0 && type <= 0xbf) return text(type & 0x1f)
    switch (type) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return take(number(1))
      case 0xc5:
        return take(atLeast(0x100, number(2)))
      case 0xc6:
        return take(atLeast(0x10000, number(4)))
      case 0xcc:
        return atLeast(0x80, number(1))
      case 0xcd:
        return atLeast(0x100, number(2))
      case 0xce:
        return atLeast(0x10000, number(4))
      case 0xd3: {
        const [high, low] = [number(4), number(4)]
        return high >= 1 && high < 2 ** 21 ? high * 2 ** 32 + low : fail()
      }
      case 0xd9:
        return text(atLeast(0x20, number(1)))
      case 0xda:
        return text(atLeast(0x100, number(2)))
      case 0xdb:
        return text(atLeast(0x10000, number(4)))
      case 0xdc:
        return list(atLeast(0x10, number(2)), depth)
      case 0xdd:
        return list(atLeast(0x10000, number(4)), depth)
      default:
        return fail()
    }
  }
  try {
    const whole = value(0)
    return at === bytes.length ? whole : undefined
  } catch (error) {
    // Text that is no UTF-8 is a TypeError of the decoder.
    if (error instanceof NotOurs || error instanceof TypeError) return undefined
    throw error
  }
}

class NotOurs extends Error {}
/** `packed_depth_max` of `crdt/limits.ts`. */
export const DEPTH_MAX = 16

export const writeNode = (node: Node): Uint8Array => {
  const out: Uint8Array[] = []
  write(node, out)
  const bytes = new Uint8Array(out.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of out) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const write = (node: Node, out: Uint8Array[]): void => {
  if (node === null) out.push(Uint8Array.of(0xc0))
  else if (typeof node === 'boolean') out.push(Uint8Array.of(node ? 0xc3 : 0xc2))
  else if (typeof node === 'number') out.push(writeNumber(node))
  else if (typeof node === 'string') {
    const text = new TextEncoder().encode(node)
    out.push(text.length < 0x20 ? Uint8Array.of(0xa0 | text.length) : head([0xd9, 0xda, 0xdb], text.length), text)
  } else if (node instanceof Uint8Array) out.push(head([0xc4, 0xc5, 0xc6], node.length), node)
  else if (isList(node)) {
    out.push(
      node.length < 0x10
        ? Uint8Array.of(0x90 | node.length)
        : node.length < 0x10000
          ? Uint8Array.of(0xdc, node.length >> 8, node.length & 0xff)
          : Uint8Array.of(0xdd, ...big(node.length, 4)),
    )
    for (const item of node) write(item, out)
  } else out.push(node.raw)
}

const isList = (node: Node): node is readonly Node[] => Array.isArray(node)

const writeNumber = (value: number): Uint8Array => {
  if (value < 0x80) return Uint8Array.of(value)
  if (value < 0x100) return Uint8Array.of(0xcc, value)
  if (value < 0x10000) return Uint8Array.of(0xcd, ...big(value, 2))
  return value < 2 ** 32 ? Uint8Array.of(0xce, ...big(value, 4)) : Uint8Array.of(0xd3, ...big(value, 8))
}

const head = ([one, two, four]: readonly [number, number, number], length: number): Uint8Array =>
  length < 0x100
    ? Uint8Array.of(one, length)
    : length < 0x10000
      ? Uint8Array.of(two, ...big(length, 2))
      : Uint8Array.of(four, ...big(length, 4))

const big = (value: number, width: number): readonly number[] =>
  Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** (width - 1 - i)) % 256)
