// violates: driver-tests-look-down
import { target } from '../node.ts'

export const used = target
