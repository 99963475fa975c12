// violates: v8-layer
import { target } from './errors.ts'

export const used = target
