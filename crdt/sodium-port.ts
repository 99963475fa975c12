/**
 * What the core asks of libsodium, whichever build of it runs (`sodium.ts`). Pure functions of their arguments; lengths in bytes. Another
 * length is a bug of the caller's and throws.
 *
 * Invariant: every build gives the same answer to the same bytes, at the edges too: peers with one and the other admit the same
 * (`sodium.test.ts`).
 */

/** `publicKey` 32; `secretKey` 64 for signing (seed ‖ public key), 32 for key agreement. */
export type SodiumKeys = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
/** 32 each: what the caller receives under, what it sends under. */
export type AgreedKeys = { readonly receive: Uint8Array; readonly send: Uint8Array }

export type Sodium = {
  /** Ed25519. @param seed 32. */
  signKeys(seed: Uint8Array): SodiumKeys
  /** A signature of 64. */
  sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array
  /** As `FORMAT.md` says under 'verify'. @param signature 64. @param publicKey 32. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  /** Whether an Ed25519 key lies in the main subgroup and is not of small order. @param publicKey 32. */
  isInMainSubgroup(publicKey: Uint8Array): boolean
  /** X25519. @param seed 32. */
  agreementKeys(seed: Uint8Array): SodiumKeys
  /** `crypto_kx`; null when the other's key is of small order. @param theirs 32. */
  agree(side: 'client' | 'server', own: SodiumKeys, theirs: Uint8Array): AgreedKeys | null
  /** XChaCha20-Poly1305 `secretstream`: the next message, sealed, 17 longer. @param header 24. @param key 32. */
  sealer(header: Uint8Array, key: Uint8Array): (message: Uint8Array) => Uint8Array
  /** The next message, or null for anything but the very next sealed one; at least 17. */
  opener(header: Uint8Array, key: Uint8Array): (sealed: Uint8Array) => Uint8Array | null
}
