// violates: mirror-layer
import { target } from '../http/door.ts'

export const used = target
