// violates: nothing
import * as library from 'libsodium-wrappers'
import * as native from 'sodium-native'

export const used = [library, native]
