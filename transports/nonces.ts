/**
 * Handshake nonces of others that were used already (PROTOCOL HS6).
 *
 * A recorded handshake fails on its own, since it does not cover our fresh nonce; this memory is the second lock, for the
 * day our randomness repeats (a cloned machine). Recorded only after the signature verified, so junk cannot fill it.
 * Invariant: at most `max` nonces; the oldest goes first, and none is kept beyond `keepMs`.
 */
import { bytesToHex } from '../crdt/ids.ts'

export type Nonces = {
  /** Records the nonce; false when it was used within `keepMs` before. */
  use(nonce: Uint8Array, nowMs: number): boolean
  size(): number
}

export const createNonces = (max: number, keepMs: number): Nonces => {
  // A Map iterates in insertion order, and times are recorded in that order too.
  const usedAtByNonce = new Map<string, number>()
  const forgetOld = (nowMs: number): void => {
    for (const [nonce, at] of usedAtByNonce) {
      if (at + keepMs >= nowMs && usedAtByNonce.size < max) return
      usedAtByNonce.delete(nonce)
    }
  }
  return {
    use: (nonce, nowMs) => {
      const key = bytesToHex(nonce)
      const at = usedAtByNonce.get(key)
      if (at !== undefined && at + keepMs >= nowMs) return false
      usedAtByNonce.delete(key)
      forgetOld(nowMs)
      usedAtByNonce.set(key, nowMs)
      return true
    },
    size: () => usedAtByNonce.size,
  }
}
