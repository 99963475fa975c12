/**
 * Ed25519 (RFC 8032) with domain separation: what was signed for one purpose never verifies for another.
 *
 * signed bytes = SHA-256(domain ‖ 0x00 ‖ message). libsodium refuses small-order keys and S ≥ L (malleated) signatures.
 */
import sodium from 'libsodium-wrappers'
import { sha256 } from './hash.ts'
import { bytesToHex, hexToBytes } from './ids.ts'

await sodium.ready

export type Domain = 'mnemesh/commit/1' | 'mnemesh/event/1' | 'mnemesh/ack/1' | 'mnemesh/handshake/1' | 'mnemesh/invite/1' | 'mnemesh/join/1' | 'mnemesh/revoke/1' | 'mnemesh/address/1'

/** An Ed25519 key pair: `secretKey` is libsodium's 64 bytes (seed ‖ public key). */
export type KeyPair = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }

/** @param seed 32 random bytes: the whole of the secret. */
export const keyPairFromSeed = (seed: Uint8Array): KeyPair => {
  const pair = sodium.crypto_sign_seed_keypair(seed)
  return { publicKey: pair.publicKey, secretKey: pair.privateKey }
}

/** The public key as the id it is. */
export const publicKeyHex = (keys: KeyPair): string => bytesToHex(keys.publicKey)

/** A signature of 64 bytes. */
export const sign = (domain: Domain, message: Uint8Array, keys: KeyPair): Uint8Array =>
  sodium.crypto_sign_detached(sha256(domain, ZERO, message), keys.secretKey)

/** @param publicKey 64 hex digits (a PeerId, MeshId, or an agent's key). Never throws. */
export const verify = (domain: Domain, message: Uint8Array, signature: Uint8Array, publicKey: string): boolean => {
  if (signature.length !== 64 || publicKey.length !== 64) return false
  return sodium.crypto_sign_verify_detached(signature, sha256(domain, ZERO, message), hexToBytes(publicKey))
}

const ZERO = Uint8Array.of(0)

/** All points of order 1, 2, 4 and 8 and their non-canonical encodings: keys that would let anybody sign (RFC 8032 §5.1.7 leaves the check to us). */
export const isUsablePublicKey = (publicKey: Uint8Array): boolean => {
  if (publicKey.length !== 32) return false
  try {
    // Converting to X25519 fails exactly for small-order points and those outside the main subgroup.
    sodium.crypto_sign_ed25519_pk_to_curve25519(publicKey)
    return true
  } catch {
    return false
  }
}
