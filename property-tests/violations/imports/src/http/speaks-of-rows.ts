// violates: nothing
import type { Target } from '../ports.ts'

export type Used = Target
