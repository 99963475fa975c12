// violates: every-file-has-a-layer
import type { Target } from './ports.ts'

export type Used = Target
