/**
 * Session keys and sealed streams: X25519 key agreement (libsodium `crypto_kx`) and XChaCha20-Poly1305 `secretstream`.
 *
 * Every function is pure in its arguments: an ephemeral key comes from 32 given bytes, and a stream's 24-byte header is
 * given, not drawn, so both sides can derive it from what they agreed on and it never travels. That is safe because a
 * session key serves one stream in one direction, once. Source: libsodium documentation, 'Key exchange', 'Encrypted streams'.
 */
import sodium from 'libsodium-wrappers'

await sodium.ready

/** An X25519 key pair for one session. */
export type EphemeralPair = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
/** 32 bytes each: what we receive under, what we send under. */
export type SessionKeys = { readonly receive: Uint8Array; readonly send: Uint8Array }

export const STREAM_HEADER_BYTES = 24
/** What sealing adds to each message: a tag and a MAC. */
export const SEAL_OVERHEAD_BYTES = 17

/** @param seed 32 random bytes, used once. */
export const ephemeralFromSeed = (seed: Uint8Array): EphemeralPair => {
  const pair = sodium.crypto_kx_seed_keypair(seed)
  return { publicKey: pair.publicKey, secretKey: pair.privateKey }
}

/**
 * The two keys of a session, or null when the other's key is of small order (it would make the secret known to all).
 * @param side the dialer is the client, the acceptor the server.
 * @param theirs the other side's public key, 32 bytes.
 */
export const sessionKeys = (side: 'dialer' | 'acceptor', own: EphemeralPair, theirs: Uint8Array): SessionKeys | null => {
  const agree = side === 'dialer' ? sodium.crypto_kx_client_session_keys : sodium.crypto_kx_server_session_keys
  try {
    const keys = agree(own.publicKey, own.secretKey, theirs)
    return { receive: keys.sharedRx, send: keys.sharedTx }
  } catch {
    return null
  }
}

/** Seals the next message; its place in the stream is part of the seal. */
export type Sealer = (message: Uint8Array) => Uint8Array
/** The next message, or null when the bytes are not the very next sealed message of the stream. */
export type Opener = (sealed: Uint8Array) => Uint8Array | null

/** @param key 32 bytes that seal nothing else. @param header 24 bytes, the same on both sides. */
export const createSealer = (key: Uint8Array, header: Uint8Array): Sealer => {
  // A pull state with a given header is byte for byte the push state that would have drawn that header.
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key)
  return (message) => sodium.crypto_secretstream_xchacha20poly1305_push(state, message, null, 0)
}

export const createOpener = (key: Uint8Array, header: Uint8Array): Opener => {
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key)
  return (sealed) => {
    if (sealed.length < SEAL_OVERHEAD_BYTES) return null
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, null)
    return opened === false ? null : opened.message
  }
}
