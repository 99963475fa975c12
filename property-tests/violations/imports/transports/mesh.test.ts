// violates: transports-tests-look-down
import { target } from '../src/replica/replica.ts'

export const used = target
