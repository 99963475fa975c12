/**
 * Frames that no peer of ours writes: an honest tag, and behind it what a general decoder would build at great cost (extensions, maps,
 * big integers, floats, lists within lists), a few or very many of them, where a list, a number or bytes are due.
 */
import type { Draw } from './draw.ts'

/** Each the whole of a value. */
const VALUES: readonly (readonly number[])[] = [
  [0x80],
  [0x81, 0xa1, 0x61, 0xc0],
  [0x90],
  [0x91, 0x91, 0xc0],
  [0xd3, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0xc7, 3, 0x65, 0x93, 0xc0, 0xc0],
  [0xd4, 0x72, 0x40],
  [0xd6, 0xff, 0, 0, 0, 1],
  [0xd4, 0x73, 0],
  [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
  [0xff],
  [0xc1],
  [0xa0],
  [0xc4, 0],
  [0xc0],
  [0xc4, 16, ...new Uint8Array(16)],
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xc6, 0xff, 0xff, 0xff, 0xff],
]
const MANY = [0, 3, 3, 300, 300, 20_000, 120_000]

/** @param tags of the frames to imitate. */
export const exoticFrame = (draw: Draw, tags: readonly number[]): Uint8Array => {
  const fields = 1 + draw.below(4)
  const parts: Uint8Array[] = [Uint8Array.of(0x90 | (fields + 1), draw.pick(tags))]
  for (let n = 0; n < fields; n++)
    parts.push(draw.chance(2) ? Uint8Array.from(draw.pick(VALUES)) : listOf(draw.pick(MANY), draw.pick(VALUES)))
  return Buffer.concat(parts)
}

const listOf = (times: number, value: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(5 + times * value.length)
  bytes.set([0xdd, times >>> 24, (times >>> 16) & 0xff, (times >>> 8) & 0xff, times & 0xff])
  for (let at = 5; at < bytes.length; at += value.length) bytes.set(value, at)
  return bytes
}
