/**
 * Session keys and sealed streams: X25519 key agreement (libsodium `crypto_kx`) and XChaCha20-Poly1305 `secretstream`.
 *
 * Every function is pure in its arguments: an ephemeral key comes from 32 given bytes, and a stream's 24-byte header is
 * given, not drawn, so both sides can derive it from what they agreed on and it never travels. That is safe because a
 * session key serves one stream in one direction, once. Source: libsodium documentation, 'Key exchange', 'Encrypted streams'.
 */
import { sodium } from './sodium.ts'
import type { AgreedKeys, SodiumKeys } from './sodium-port.ts'

/** An X25519 key pair for one session. */
export type EphemeralPair = SodiumKeys
/** 32 bytes each: what we receive under, what we send under. */
export type SessionKeys = AgreedKeys

export const STREAM_HEADER_BYTES = 24
const AGREEMENT_KEY_BYTES = 32
/** What sealing adds to each message: a tag and a MAC. */
export const SEAL_OVERHEAD_BYTES = 17

/** @param seed 32 random bytes, used once. */
export const ephemeralFromSeed = (seed: Uint8Array): EphemeralPair => sodium.agreementKeys(seed)

/**
 * The two keys of a session, or null when the other's key is none: of another length, or of small order (it would make the secret known to all).
 * @param side the dialer is the client, the acceptor the server.
 * @param theirs the other side's public key, 32 bytes.
 */
export const sessionKeys = (side: 'dialer' | 'acceptor', own: EphemeralPair, theirs: Uint8Array): SessionKeys | null =>
  theirs.length === AGREEMENT_KEY_BYTES ? sodium.agree(side === 'dialer' ? 'client' : 'server', own, theirs) : null

/** Seals the next message; its place in the stream is part of the seal. */
export type Sealer = (message: Uint8Array) => Uint8Array
/** The next message, or null when the bytes are not the very next sealed message of the stream. */
export type Opener = (sealed: Uint8Array) => Uint8Array | null

/** @param key 32 bytes that seal nothing else. @param header 24 bytes, the same on both sides. */
export const createSealer = (key: Uint8Array, header: Uint8Array): Sealer => sodium.sealer(header, key)

export const createOpener = (key: Uint8Array, header: Uint8Array): Opener => {
  const open = sodium.opener(header, key)
  return (sealed) => (sealed.length < SEAL_OVERHEAD_BYTES ? null : open(sealed))
}
