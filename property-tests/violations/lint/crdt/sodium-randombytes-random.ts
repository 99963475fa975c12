// violates: eslint(no-restricted-properties) sodium.randombytes_random
import sodium from 'libsodium-wrappers'

export const draw = (): unknown => sodium.randombytes_random()
