// violates: wasm-tiering-layer
import { target } from './errors.ts'

export const used = target
