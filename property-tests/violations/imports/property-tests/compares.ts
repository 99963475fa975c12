// violates: nothing
import { target } from './model.ts'

export const used = target
