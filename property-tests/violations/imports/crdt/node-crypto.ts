// violates: crdt-layer
import * as library from 'node:crypto'

export const used = library
