/**
 * Ed25519 (RFC 8032) with domain separation: what was signed for one purpose never verifies for another.
 *
 * signed bytes = SHA-256(domain ‖ 0x00 ‖ message). libsodium refuses small-order keys and S ≥ L (malleated) signatures.
 */
import { sha256 } from './hash.ts'
import { bytesToHex, hexToBytes } from './ids.ts'
import { sodium } from './sodium.ts'

export type Domain =
  | 'mnemesh/commit/1'
  | 'mnemesh/event/1'
  | 'mnemesh/ack/1'
  | 'mnemesh/handshake/1'
  | 'mnemesh/invite/1'
  | 'mnemesh/join/1'
  | 'mnemesh/revoke/1'
  | 'mnemesh/leave-behind/1'
  | 'mnemesh/level/1'
  | 'mnemesh/address/1'
  | 'mnemesh/identity/1'
  | 'mnemesh/vote/1'
  | 'mnemesh/recover/1'
  | 'mnemesh/backup/1'

/** An Ed25519 key pair: `secretKey` is libsodium's 64 bytes (seed ‖ public key). */
export type KeyPair = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }

/** @param seed 32 random bytes: the whole of the secret. */
export const keyPairFromSeed = (seed: Uint8Array): KeyPair => sodium.signKeys(seed)

/** The public key as the id it is. */
export const publicKeyHex = (keys: KeyPair): string => bytesToHex(keys.publicKey)

/** A signature of 64 bytes. */
export const sign = (domain: Domain, message: Uint8Array, keys: KeyPair): Uint8Array =>
  sodium.sign(sha256(domain, ZERO, message), keys.secretKey)

/** @param publicKey 64 hex digits (a PeerId, MeshId, or an agent's key). Never throws. */
export const verify = (domain: Domain, message: Uint8Array, signature: Uint8Array, publicKey: string): boolean => {
  if (signature.length !== 64 || publicKey.length !== 64) return false
  return sodium.verify(signature, sha256(domain, ZERO, message), hexToBytes(publicKey))
}

const ZERO = Uint8Array.of(0)

/**
 * False for all points of order 1, 2, 4 and 8 and their non-canonical encodings: keys that would let anybody sign (RFC 8032 §5.1.7
 * leaves the check to us).
 */
export const isUsablePublicKey = (publicKey: Uint8Array): boolean =>
  publicKey.length === 32 && sodium.isInMainSubgroup(publicKey)
