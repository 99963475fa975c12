// violates: crdt-tests-look-down
import type { Target } from '../transports/host.ts'

export type Used = Target
