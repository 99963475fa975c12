// violates: nothing
import { target } from '../node.ts'

export const used = target
