// violates: nothing
import { target } from '../crdt/ids.ts'

export const used = target
