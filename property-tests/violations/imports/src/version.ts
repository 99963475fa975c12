// violates: version-layer
import { target } from './errors.ts'

export const used = target
