// violates: eslint(no-restricted-properties) sodium.randombytes_uniform
import sodium from 'libsodium-wrappers'

export const draw = (): unknown => sodium.randombytes_uniform(6)
