// violates: nothing
import { target } from '../../snapshots/bundle.ts'

export const used = target
