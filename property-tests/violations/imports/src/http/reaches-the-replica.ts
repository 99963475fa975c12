// violates: http-layer
import { target } from '../replica/replica.ts'

export const used = target
