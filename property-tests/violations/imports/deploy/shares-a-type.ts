// violates: deploy-layer
import type { Target } from '../src/api.ts'

export type Used = Target
