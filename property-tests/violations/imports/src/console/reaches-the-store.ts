// violates: console-layer
import { target } from '../store/level.ts'

export const used = target
