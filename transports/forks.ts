/**
 * Proofs of forks on one link (PROTOCOL FK1–FK4): all that are known are told before anything else, and where a forked chain ends.
 *
 * Invariants: (1) nothing is added above `buffered_bytes_max` unsent, so a long list waits for its reader; (2) no frame is
 * larger than `parcel_frame_bytes_target` and one proof; (3) a sender of more proofs than could be known is noticed.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { MeshHost } from './host.ts'
import { encode } from './messages.ts'

/** `seq`, or the last place of the chain before its fork where that is lower: nobody who knows the proof has more. */
export const endOf = (host: Pick<MeshHost, 'forkAt'>, chain: ChainId, seq: number): number =>
  Math.min(seq, host.forkAt(chain) - 1)

/** The proofs in frames, encoded. */
export const forkFrames = (proofs: readonly Uint8Array[]): readonly Uint8Array[] => {
  const frames: Uint8Array[] = []
  for (let at = 0; at < proofs.length;) {
    const page = firstPage(proofs, at)
    frames.push(encode({ type: 'forks', proofs: page }))
    at += page.length
  }
  return frames
}

export type ForkTeller = {
  /** Sends on; true when everything that was known at the first call is sent. */
  pump(): boolean
}

export const createForkTeller = (options: {
  readonly proofs: () => readonly Uint8Array[]
  readonly bufferedBytes: () => number
  readonly transmit: (content: Uint8Array) => void
}): ForkTeller => {
  let proofs: readonly Uint8Array[] | null = null
  let told = 0
  return {
    pump: () => {
      proofs ??= options.proofs()
      while (told < proofs.length) {
        if (options.bufferedBytes() > limits.buffered_bytes_max) return false
        const page = firstPage(proofs, told)
        told += page.length
        options.transmit(encode({ type: 'forks', proofs: page }))
      }
      proofs = []
      told = 0
      return true
    },
  }
}

export type ForkMeter = {
  /** False when these are more than `forks_per_interval_max` within `ping_every_ms`. */
  took(proofs: number, nowMs: number): boolean
}

export const createForkMeter = (): ForkMeter => {
  let sinceMs = Number.NEGATIVE_INFINITY
  let taken = 0
  return {
    took: (proofs, nowMs) => {
      if (nowMs - sinceMs >= limits.ping_every_ms) {
        sinceMs = nowMs
        taken = 0
      }
      // An empty frame costs as one proof does.
      taken += Math.max(1, proofs)
      return taken <= limits.forks_per_interval_max
    },
  }
}

/** The proofs from `at` on that one frame takes: at least one. */
const firstPage = (proofs: readonly Uint8Array[], at: number): readonly Uint8Array[] => {
  let [bytes, end] = [0, at]
  while (end < proofs.length && end - at < limits.forks_per_frame_max && bytes < limits.parcel_frame_bytes_target)
    bytes += proofs[end++]!.length
  return proofs.slice(at, end)
}
