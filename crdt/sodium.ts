/**
 * libsodium (Ed25519, X25519, `secretstream`): the native build where it loads, else the one in WebAssembly.
 */
import { nativeSodium } from './sodium-native.ts'
import type { Sodium } from './sodium-port.ts'
import { wasmSodium } from './sodium-wasm.ts'

const native = await nativeSodium()

export const sodium: Sodium = 'sodium' in native ? native.sodium : await wasmSodium()
/** Why it is not the native build, as the middle of a sentence; null where it is. */
export const notNative: string | null = 'missing' in native ? native.missing : null
