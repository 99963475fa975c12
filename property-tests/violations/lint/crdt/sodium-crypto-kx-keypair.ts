// violates: eslint(no-restricted-properties) sodium.crypto_kx_keypair
import sodium from 'libsodium-wrappers'

export const draw = (): unknown => sodium.crypto_kx_keypair()
