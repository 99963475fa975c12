/**
 * Every signature in the world is verified for real, once. The peers of a world live in one process and check the same bytes one
 * after the other: what libsodium said of them is remembered, so that a schedule costs what happens in it.
 *
 * Sound because both functions are pure: the key of the memory is the whole input.
 */
import { LRUCache } from 'lru-cache'
import sodium from 'libsodium-wrappers'

/** Some worlds' worth of acks, handshakes and commits. */
const REMEMBERED_MAX = 4_096

const remembered = <T extends {}>(call: (...input: Uint8Array[]) => T): ((...input: Uint8Array[]) => T) => {
  const known = new LRUCache<string, T>({ max: REMEMBERED_MAX })
  return (...input) => {
    // Lengths are fixed (checked by the caller before), so the parts need no separator.
    const key = Buffer.concat(input).toString('latin1')
    const before = known.get(key)
    if (before !== undefined) return before
    const value = call(...input)
    known.set(key, value)
    return value
  }
}

await sodium.ready
const { crypto_sign_verify_detached: verify, crypto_sign_ed25519_pk_to_curve25519: toCurve } = sodium
Object.assign(sodium, {
  crypto_sign_verify_detached: remembered((signature, message, key) => verify(signature, message, key)),
  crypto_sign_ed25519_pk_to_curve25519: remembered((key) => toCurve(key)),
})
