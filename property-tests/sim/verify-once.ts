/**
 * Each signature in the world costs one call of libsodium. The peers of a world live in one process and check the same bytes one after
 * the other: what was made here, or found out here, is remembered, so that a schedule costs what happens in it.
 *
 * Sound because the functions are pure, the key of the memory is the whole input, and what Ed25519 signs it verifies (RFC 8032 §5.1.7);
 * of what was made here one in `MADE_CHECKED_EACH` is verified all the same.
 */
import { LRUCache } from 'lru-cache'
import { sodium } from '../../crdt/sodium.ts'

/** Some worlds' worth of acks, handshakes and commits. */
const REMEMBERED_MAX = 4_096
const MADE_CHECKED_EACH = 64
const SEED_BYTES = 32

const known = new LRUCache<string, boolean>({ max: REMEMBERED_MAX })
/** Lengths are fixed (checked by the caller before), so the parts need no separator. */
const keyOf = (...input: readonly Uint8Array[]): string => Buffer.concat(input).toString('latin1')

const remembered =
  (call: (...input: Uint8Array[]) => boolean): ((...input: Uint8Array[]) => boolean) =>
  (...input) => {
    const key = keyOf(...input)
    const before = known.get(key)
    if (before !== undefined) return before
    const value = call(...input)
    known.set(key, value)
    return value
  }

const { sign, verify, isInMainSubgroup } = sodium
let made = 0
Object.assign(sodium, {
  sign: (message: Uint8Array, secretKey: Uint8Array): Uint8Array => {
    const signature = sign(message, secretKey)
    const publicKey = secretKey.subarray(SEED_BYTES)
    if (++made % MADE_CHECKED_EACH === 0 && !verify(signature, message, publicKey))
      throw new Error('libsodium made a signature that it does not verify')
    known.set(keyOf(signature, message, publicKey), true)
    return signature
  },
  verify: remembered((signature, message, key) => verify(signature, message, key)),
  isInMainSubgroup: remembered((key) => isInMainSubgroup(key)),
})
