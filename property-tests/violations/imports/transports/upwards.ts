// violates: transports-layer
import type { Target } from '../src/ports.ts'

export type Used = Target
