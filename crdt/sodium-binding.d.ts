/** What the core uses of `sodium-native`: libsodium's functions as in C, results into the first arguments, an error where C answers -1. */
declare module 'sodium-native' {
  type Native = {
    readonly crypto_secretstream_xchacha20poly1305_STATEBYTES: number
    readonly crypto_secretstream_xchacha20poly1305_ABYTES: number
    crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
    crypto_sign_ed25519_pk_to_curve25519(x25519: Uint8Array, publicKey: Uint8Array): void
    crypto_kx_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
    crypto_kx_client_session_keys(
      receive: Uint8Array,
      send: Uint8Array,
      publicKey: Uint8Array,
      secretKey: Uint8Array,
      theirs: Uint8Array,
    ): void
    crypto_kx_server_session_keys(
      receive: Uint8Array,
      send: Uint8Array,
      publicKey: Uint8Array,
      secretKey: Uint8Array,
      theirs: Uint8Array,
    ): void
    crypto_secretstream_xchacha20poly1305_init_pull(state: Uint8Array, header: Uint8Array, key: Uint8Array): void
    crypto_secretstream_xchacha20poly1305_push(
      state: Uint8Array,
      sealed: Uint8Array,
      message: Uint8Array,
      additional: null,
      tag: number,
    ): number
    crypto_secretstream_xchacha20poly1305_pull(
      state: Uint8Array,
      message: Uint8Array,
      tag: Uint8Array,
      sealed: Uint8Array,
      additional: null,
    ): number
  }
  const native: Native
  export default native
}
