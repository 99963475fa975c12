// violates: ports-layer
import type { Target } from './store/level.ts'

export type Used = Target
