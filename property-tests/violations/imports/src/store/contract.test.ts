// violates: nothing
import { target } from './contract.ts'

export const used = target
