/**
 * Cuts parcels into frames (PROTOCOL SE7): each about as large as asked, none larger than the wire and the credit allow.
 *
 * A commit may have more text than a frame holds (256 bodies of 64 KiB): what does not fit follows as frames of bodies,
 * behind the commit that names them, so that the receiver knows what they are for.
 */
import type { Body } from '../crdt/body.ts'
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { Parcel } from './host.ts'
import { encode } from './messages.ts'

/** An encoded frame; its length is its cost in credit. `upto` is the last commit it holds, null when it holds bodies alone. */
export type ParcelFrame = {
  readonly content: Uint8Array
  readonly chain: ChainId | null
  readonly from: number
  readonly upto: number | null
  readonly commits: number
  readonly bodies: number
}

const bodyBytes = (body: Body): number => body.salt.length + body.text.length + 4
const parcelBytes = (parcel: Parcel): number =>
  parcel.bodies.reduce((sum, body) => sum + bodyBytes(body), parcel.bytes.length + 8)

/**
 * @param parcels of any chains; neighbours that follow one another in one chain share a frame.
 * @param bytesTarget `control_frame_bytes_target` for the control chain.
 */
export const parcelFrames = (
  parcels: readonly Parcel[],
  bytesTarget: number = limits.parcel_frame_bytes_target,
): readonly ParcelFrame[] => {
  const frames: ParcelFrame[] = []
  let batch: Parcel[] = []
  let bytes = 0
  let bodies = 0
  const flush = (): void => {
    const [first, last] = [batch[0], batch.at(-1)]
    if (first === undefined || last === undefined) return
    frames.push({
      content: encode({ type: 'parcels', chain: first.chain, parcels: batch }),
      chain: first.chain,
      from: first.seq,
      upto: last.seq,
      commits: batch.length,
      bodies,
    })
    batch = []
    bytes = 0
    bodies = 0
  }
  const isFull = (parcel: Parcel, size: number): boolean =>
    bytes + size > bytesTarget ||
    batch.length === limits.frame_commits_max ||
    bodies + parcel.bodies.length > limits.frame_bodies_max
  for (const parcel of parcels) {
    const last = batch.at(-1)
    const size = parcelBytes(parcel)
    const follows = last === undefined || (last.chain === parcel.chain && last.seq + 1 === parcel.seq)
    if (!follows || isFull(parcel, size)) flush()
    const { whole, rest } = splitBodies(parcel)
    batch.push(whole)
    bodies += whole.bodies.length
    bytes += size
    if (rest.length === 0) continue
    flush()
    for (const frame of bodyFrames(rest)) frames.push(frame)
  }
  flush()
  return frames
}

/** The parcel with as many of its bodies as a frame takes, and the others. */
const splitBodies = (parcel: Parcel): { readonly whole: Parcel; readonly rest: readonly Body[] } => {
  let room = limits.parcel_frame_bytes_target - parcel.bytes.length
  const fit = parcel.bodies.findIndex((body, n) => n === limits.frame_bodies_max || (room -= bodyBytes(body)) < 0)
  if (fit === -1) return { whole: parcel, rest: [] }
  return { whole: { ...parcel, bodies: parcel.bodies.slice(0, fit) }, rest: parcel.bodies.slice(fit) }
}

export const bodyFrames = (bodies: readonly Body[]): readonly ParcelFrame[] => {
  const frames: ParcelFrame[] = []
  for (let at = 0; at < bodies.length;) {
    let [bytes, end] = [0, at]
    while (
      end < bodies.length &&
      end - at < limits.want_bodies_max &&
      (end === at || bytes + bodyBytes(bodies[end]!) <= limits.parcel_frame_bytes_target)
    )
      bytes += bodyBytes(bodies[end++]!)
    frames.push({
      content: encode({ type: 'bodies', bodies: bodies.slice(at, end) }),
      chain: null,
      from: 0,
      upto: null,
      commits: 0,
      bodies: end - at,
    })
    at = end
  }
  return frames
}
