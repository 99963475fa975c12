// violates: store-layer
import { target } from '../projection/open.ts'

export const used = target
