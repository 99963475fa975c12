// violates: transports-layer
import type { Target } from '../src/ports/store.ts'

export type Used = Target
