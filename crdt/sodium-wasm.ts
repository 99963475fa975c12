/**
 * libsodium compiled to WebAssembly: runs wherever JavaScript does.
 */
import sodium from 'libsodium-wrappers'
import type { Sodium } from './sodium-port.ts'

/** Null where C answers -1, for which this binding throws an Error; for arguments that are none it throws a TypeError. */
const attempt = <T>(call: () => T): T | null => {
  try {
    return call()
  } catch (error) {
    if (error instanceof TypeError) throw error
    return null
  }
}

export const wasmSodium = async (): Promise<Sodium> => {
  await sodium.ready
  // A pull state with a given header is byte for byte the push state that would have drawn that header.
  const stream = sodium.crypto_secretstream_xchacha20poly1305_init_pull
  return {
    signKeys: (seed) => {
      const { publicKey, privateKey } = sodium.crypto_sign_seed_keypair(seed)
      return { publicKey, secretKey: privateKey }
    },
    sign: (message, secretKey) => sodium.crypto_sign_detached(message, secretKey),
    verify: (signature, message, publicKey) => sodium.crypto_sign_verify_detached(signature, message, publicKey),
    isInMainSubgroup: (publicKey) => attempt(() => sodium.crypto_sign_ed25519_pk_to_curve25519(publicKey)) !== null,
    agreementKeys: (seed) => {
      const { publicKey, privateKey } = sodium.crypto_kx_seed_keypair(seed)
      return { publicKey, secretKey: privateKey }
    },
    agree: (side, { publicKey, secretKey }, theirs) => {
      const agree = side === 'client' ? sodium.crypto_kx_client_session_keys : sodium.crypto_kx_server_session_keys
      const keys = attempt(() => agree(publicKey, secretKey, theirs))
      return keys && { receive: keys.sharedRx, send: keys.sharedTx }
    },
    sealer: (header, key) => {
      const state = stream(header, key)
      return (message) => sodium.crypto_secretstream_xchacha20poly1305_push(state, message, null, 0)
    },
    opener: (header, key) => {
      const state = stream(header, key)
      return (sealed) => {
        const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, null)
        return opened === false ? null : opened.message
      }
    },
  }
}
