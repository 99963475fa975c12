// violates: doors-take-types-of-ports
import { target } from '../ports.ts'

export const used = target
