// violates: nothing
import type { Target } from '../ports/store.ts'

export type Used = Target
