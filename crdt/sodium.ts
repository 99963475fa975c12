/**
 * libsodium (Ed25519, X25519, `secretstream`): the native build where it runs, else the one in WebAssembly.
 */
import { nativeSodium } from './sodium-native.ts'
import type { Sodium } from './sodium-port.ts'
import { wasmSodium } from './sodium-wasm.ts'

export const sodium: Sodium = (await nativeSodium()) ?? (await wasmSodium())
