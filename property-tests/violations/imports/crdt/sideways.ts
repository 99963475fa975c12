// violates: nothing
import { target } from './segment.ts'

export const used = target
