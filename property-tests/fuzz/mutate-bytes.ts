/**
 * Mutations that know nothing of the format: bits, stretches, lengths, boundary integers. One of the three ways to an input
 * (the others keep the shape of MessagePack or JSON).
 */
import type { Draw } from './draw.ts'

/** No input is longer: some twice the largest that any reader takes (4 MiB), so that size limits are met. */
const INPUT_BYTES_MAX = 8 * 1024 * 1024

/** @param other bytes of another sample, to splice with. Answers new bytes; the given ones are left as they are. */
export const mutateBytes = (draw: Draw, bytes: Uint8Array, other: Uint8Array): Uint8Array => {
  let mutant = bytes
  for (let left = 1 + draw.small(5); left > 0; left--) mutant = draw.pick(MUTATIONS)(draw, mutant, other)
  return mutant.length > INPUT_BYTES_MAX ? mutant.slice(0, INPUT_BYTES_MAX) : mutant
}

export const rawBytes = (draw: Draw): Uint8Array => {
  const bytes = draw.bytes(draw.small(draw.chance(200) ? 65_536 : 200))
  // Bytes of few kinds meet more of a parser's branches than noise does.
  if (draw.chance(3)) {
    const alphabet = draw.bytes(1 + draw.below(6))
    return bytes.map((byte) => alphabet[byte % alphabet.length]!)
  }
  return bytes
}

type Mutation = (draw: Draw, bytes: Uint8Array, other: Uint8Array) => Uint8Array

const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array => {
  // A Buffer's own slice is a view: the sample would be changed for all inputs after.
  const copy = new Uint8Array(bytes)
  if (copy.length > 0) change(copy)
  return copy
}

const flipBit: Mutation = (draw, bytes) =>
  changed(bytes, (copy) => {
    copy[draw.below(copy.length)]! ^= 1 << draw.below(8)
  })

const BOUNDARY_BYTES = [
  0x00, 0x01, 0x0f, 0x1f, 0x20, 0x22, 0x5b, 0x5c, 0x7b, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4,
  0xc6, 0xd3, 0xdb, 0xdd, 0xde, 0xdf, 0xe0, 0xfe, 0xff,
]
const setByte: Mutation = (draw, bytes) =>
  changed(bytes, (copy) => {
    copy[draw.below(copy.length)] = draw.chance(2) ? draw.pick(BOUNDARY_BYTES) : draw.below(256)
  })

/** A length one up or down is what off-by-one errors wait for. */
const nudge: Mutation = (draw, bytes) =>
  changed(bytes, (copy) => {
    const at = draw.below(copy.length)
    copy[at] = copy[at]! + (draw.chance(2) ? 1 : 255)
  })

const BOUNDARY_INTEGERS = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  2n ** 48n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
]
const setInteger: Mutation = (draw, bytes) =>
  changed(bytes, (copy) => {
    const width = draw.pick([2, 4, 8])
    if (copy.length < width) return
    const value = draw.pick(BOUNDARY_INTEGERS)
    const at = draw.below(copy.length - width + 1)
    for (let i = 0; i < width; i++) copy[at + i] = Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn)
  })

const stretch = (draw: Draw, bytes: Uint8Array): readonly [from: number, to: number] => {
  const from = draw.below(bytes.length + 1)
  return [from, from + draw.small(Math.min(bytes.length - from, draw.pick([4, 32, 512, 65_536])))]
}

const remove: Mutation = (draw, bytes) => {
  const [from, to] = stretch(draw, bytes)
  return join(bytes.subarray(0, from), bytes.subarray(to))
}
const insert: Mutation = (draw, bytes) => {
  const at = draw.below(bytes.length + 1)
  return join(bytes.subarray(0, at), draw.bytes(draw.small(16)), bytes.subarray(at))
}
const duplicate: Mutation = (draw, bytes) => {
  const [from, to] = stretch(draw, bytes)
  const part = bytes.subarray(from, to)
  const times = draw.chance(400) ? draw.below(4_096) : draw.small(4)
  const copies = Array.from(
    { length: Math.min(times, Math.floor(INPUT_BYTES_MAX / Math.max(1, part.length))) },
    () => part,
  )
  return join(bytes.subarray(0, to), ...copies, bytes.subarray(to))
}
const splice: Mutation = (draw, bytes, other) => {
  const [from, to] = stretch(draw, other)
  const at = draw.below(bytes.length + 1)
  return join(
    bytes.subarray(0, at),
    other.subarray(from, to),
    bytes.subarray(draw.chance(2) ? at : Math.min(bytes.length, at + to - from)),
  )
}
const swap: Mutation = (draw, bytes) => {
  const [a, b] = [draw.below(bytes.length + 1), draw.below(bytes.length + 1)].sort((x, y) => x - y) as [number, number]
  const length = draw.small(Math.min(b - a, bytes.length - b, 64))
  return join(
    bytes.subarray(0, a),
    bytes.subarray(b, b + length),
    bytes.subarray(a + length, b),
    bytes.subarray(a, a + length),
    bytes.subarray(b + length),
  )
}
const fill: Mutation = (draw, bytes) =>
  changed(bytes, (copy) => {
    const [from, to] = stretch(draw, copy)
    copy.fill(draw.pick([0, 0xff, 0x5b, 0x91]), from, to)
  })
const cut: Mutation = (draw, bytes) =>
  draw.chance(2)
    ? bytes.slice(0, draw.below(bytes.length + 1))
    : bytes.slice(0, Math.max(0, bytes.length - 1 - draw.small(16)))
const extend: Mutation = (draw, bytes) => join(bytes, draw.bytes(1 + draw.small(draw.chance(300) ? 1_000_000 : 32)))

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  nudge,
  setInteger,
  remove,
  insert,
  duplicate,
  splice,
  swap,
  fill,
  cut,
  extend,
]

const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
