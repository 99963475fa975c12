// violates: replica-layer
import { target } from '../store/level.ts'

export const used = target
