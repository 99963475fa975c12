// violates: crdt-layer
import type { Target } from '../transports/host.ts'

export type Used = Target
