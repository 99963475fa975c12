// violates: doors-take-types-of-ports
import { target } from '../ports/store.ts'

export const used = target
