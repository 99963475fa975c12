/**
 * Proof that whoever answers holds a peer's key: asked before anything is told to an address that was found, not chosen.
 *
 * signed = pack([1, peer, challenge (32 bytes), port]) under 'mnemesh/identity/1'. The port is the one on which the peer was asked: whoever
 * sits on another and passes the challenge on gets a proof for the wrong one.
 */
import { hexToBytes, type PeerId } from './ids.ts'
import { pack } from './msgpack.ts'
import { sign, verify, type KeyPair } from './signature.ts'

export const CHALLENGE_BYTES = 32

const signed = (peer: Uint8Array, challenge: Uint8Array, port: number): Uint8Array => pack([1, peer, challenge, port])

/** A signature of 64 bytes. @param challenge `CHALLENGE_BYTES` of the asker's randomness. */
export const proveIdentity = (challenge: Uint8Array, port: number, keys: KeyPair): Uint8Array =>
  sign('mnemesh/identity/1', signed(keys.publicKey, challenge, port), keys)

/** Never throws. */
export const isIdentityProven = (proof: Uint8Array, challenge: Uint8Array, port: number, peer: PeerId): boolean =>
  challenge.length === CHALLENGE_BYTES &&
  verify('mnemesh/identity/1', signed(hexToBytes(peer), challenge, port), proof, peer)
