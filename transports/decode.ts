/**
 * Reads a frame after the handshake (PROTOCOL SE4–SE8): the tag first, whether it is due from whom it comes, and how large it may be;
 * only then the rest, by that tag's shape (`frame-shapes.ts`).
 *
 * Never throws. A frame that is not exactly one of ours closes the link: two versions of this protocol never guess at each other.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { readPacked } from '../crdt/packed-reader.ts'
import { OTHER_CHAIN, shapeOf, type Shape, type Standing } from './frame-shapes.ts'
import { TAGS, type Message } from './messages.ts'
import type { Compression } from './ports.ts'
import type { CloseReason } from './reasons.ts'

/** `cost` is what the frame takes of the credit: its bytes before compression when it carries commits or bodies, else 0. */
export type Decoded =
  | { readonly ok: true; readonly message: Message; readonly cost: number }
  | { readonly ok: false; readonly reason: CloseReason }

export type DecodeOptions = {
  readonly from: Standing
  /** The one chain that may be spoken of before the link is open. */
  readonly controlChain: ChainId
  /** Null: compressed frames are refused. */
  readonly compression: Compression | null
}

export const decode = (frame: Uint8Array, options: DecodeOptions): Decoded => {
  const tag = tagOf(frame)
  if (tag === TAGS.deflated)
    return options.from === 'open' ? decodeDeflated(frame, options.compression) : refused('not_open')
  const shape = tag === null ? undefined : shapeOf(tag)
  if (shape === undefined) return refused('malformed_frame')
  if (RANK[options.from] < RANK[shape.from]) return refused('not_open')
  if (options.from !== 'open' && frame.length > shape.earlyBytesMax) return refused('large_before_open')
  return read(frame, shape, options.from === 'open' ? null : options.controlChain)
}

/** The first element of the array that every frame is, when both have the form that ours have. */
export const tagOf = (frame: Uint8Array): number | null => {
  const [type = 0, tag = 0xff] = frame
  return type > 0x90 && type <= 0x9f && tag <= 0x7f ? tag : null
}

const RANK: Readonly<Record<Standing, number>> = { stranger: 0, member: 1, open: 2 }

const read = (frame: Uint8Array, shape: Shape, only: ChainId | null): Decoded => {
  try {
    const result = readPacked(
      frame,
      (reader) => {
        reader.list(shape.fields + 1, shape.fields + 1)
        reader.uint(0, 0x7f)
        return shape.read(reader, only)
      },
      limits.frame_values_max,
    )
    if (!result.ok) return refused('malformed_frame')
    const message = result.value
    return { ok: true, message, cost: message.type === 'parcels' || message.type === 'bodies' ? frame.length : 0 }
  } catch (error) {
    if (error === OTHER_CHAIN) return refused('not_open')
    throw error
  }
}

/** [19, bytes before, deflated]: only frames with commits or bodies, and never inside one another. */
const decodeDeflated = (frame: Uint8Array, compression: Compression | null): Decoded => {
  const outer = readPacked(frame, (reader) => {
    reader.list(3, 3)
    reader.uint(TAGS.deflated, TAGS.deflated)
    return { length: reader.uint(1, limits.frame_bytes_max), deflated: reader.bin(1, limits.frame_bytes_max) }
  })
  if (!outer.ok) return refused('malformed_frame')
  const { length, deflated } = outer.value
  if (compression === null || length > limits.inflate_ratio_max * deflated.length) return refused('bad_compression')
  const inner = compression.inflate(deflated, length)
  if (inner === null || inner.length !== length) return refused('bad_compression')
  const tag = tagOf(inner)
  const shape = tag === TAGS.parcels || tag === TAGS.bodies ? shapeOf(tag) : undefined
  return shape === undefined ? refused('malformed_frame') : read(inner, shape, null)
}

const refused = (reason: CloseReason): Decoded => ({ ok: false, reason })
