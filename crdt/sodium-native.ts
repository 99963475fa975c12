/**
 * libsodium as it was compiled for this processor: a check of a signature takes half the time that it takes in WebAssembly, for want
 * of products of 128 bits there.
 */
import type Binding from 'sodium-native'
import type { Sodium, SodiumKeys } from './sodium-port.ts'

/** What this binding throws where C answers -1. */
const MINUS_ONE: ReadonlySet<string> = new Set(['status: -1', 'pull failed'])

/** Whether C answers 0. */
const succeeds = (call: () => unknown): boolean => {
  try {
    call()
    return true
  } catch (error) {
    if (error instanceof Error && MINUS_ONE.has(error.message)) return false
    throw error
  }
}

/** `missing`: why it does not load, as the middle of a sentence: there is no binary for this system, or not one that it can run. */
export const nativeSodium = async (
  load: () => Promise<{ readonly default: typeof Binding }> = () => import('sodium-native'),
): Promise<{ readonly sodium: Sodium } | { readonly missing: string }> => {
  try {
    return { sodium: adapted((await load()).default) }
  } catch (error) {
    return { missing: reasonOf(error) }
  }
}

/** First lines: of the loader's word, and of the system's behind it. */
const reasonOf = (error: unknown): string => {
  const told =
    error instanceof Error
      ? [error.message, ...(error.cause instanceof Error ? [error.cause.message] : [])]
      : [String(error)]
  return told.map((message) => message.split('\n')[0]).join(': ')
}

const adapted = (sodium: typeof Binding): Sodium => {
  // A pull state with a given header is byte for byte the push state that would have drawn that header.
  const stream = (header: Uint8Array, key: Uint8Array): Uint8Array => {
    const state = new Uint8Array(sodium.crypto_secretstream_xchacha20poly1305_STATEBYTES)
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    return state
  }
  const overhead = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
  const keys = (secretBytes: number, make: (publicKey: Uint8Array, secretKey: Uint8Array) => void): SodiumKeys => {
    const made = { publicKey: new Uint8Array(32), secretKey: new Uint8Array(secretBytes) }
    make(made.publicKey, made.secretKey)
    return made
  }
  return {
    signKeys: (seed) => keys(64, (publicKey, secretKey) => sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)),
    sign: (message, secretKey) => {
      const signature = new Uint8Array(64)
      sodium.crypto_sign_detached(signature, message, secretKey)
      return signature
    },
    verify: (signature, message, publicKey) => sodium.crypto_sign_verify_detached(signature, message, publicKey),
    isInMainSubgroup: (publicKey) =>
      succeeds(() => sodium.crypto_sign_ed25519_pk_to_curve25519(new Uint8Array(32), publicKey)),
    agreementKeys: (seed) =>
      keys(32, (publicKey, secretKey) => sodium.crypto_kx_seed_keypair(publicKey, secretKey, seed)),
    agree: (side, { publicKey, secretKey }, theirs) => {
      const agree = side === 'client' ? sodium.crypto_kx_client_session_keys : sodium.crypto_kx_server_session_keys
      const agreed = { receive: new Uint8Array(32), send: new Uint8Array(32) }
      return succeeds(() => agree(agreed.receive, agreed.send, publicKey, secretKey, theirs)) ? agreed : null
    },
    sealer: (header, key) => {
      const state = stream(header, key)
      return (message) => {
        const sealed = new Uint8Array(message.length + overhead)
        sodium.crypto_secretstream_xchacha20poly1305_push(state, sealed, message, null, 0)
        return sealed
      }
    },
    opener: (header, key) => {
      const state = stream(header, key)
      const tag = new Uint8Array(1)
      return (sealed) => {
        const message = new Uint8Array(sealed.length - overhead)
        return succeeds(() => sodium.crypto_secretstream_xchacha20poly1305_pull(state, message, tag, sealed, null))
          ? message
          : null
      }
    },
  }
}
