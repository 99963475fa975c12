// violates: composition-root-layer
import { target } from '../cli/run.ts'

export const used = target
