// violates: eslint(no-restricted-properties) sodium.randombytes_buf
import sodium from 'libsodium-wrappers'

export const draw = (): unknown => sodium.randombytes_buf(16)
