// violates: nothing
import { target } from '../membership/index.ts'

export const used = target
