// violates: attacks-layer
import { target } from '../../src/v8.ts'

export const used = target
