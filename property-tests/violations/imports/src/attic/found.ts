// violates: every-file-has-a-layer
import type { Target } from '../ports/store.ts'

export type Used = Target
