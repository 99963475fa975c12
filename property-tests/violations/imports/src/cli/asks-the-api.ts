// violates: nothing
import { target } from '../api.ts'

export const used = target
