// violates: nothing
import { target } from '../../transports/mesh.ts'

export const used = target
