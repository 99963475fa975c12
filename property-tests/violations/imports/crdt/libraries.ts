// violates: nothing
import * as library from 'libsodium-wrappers'

export const used = library
