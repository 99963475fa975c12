// violates: nothing
import { target } from './fleet.ts'

export const used = target
