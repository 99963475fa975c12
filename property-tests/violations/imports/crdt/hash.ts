// violates: crdt-hash-layer
import * as library from 'node:fs'

export const used = library
