// violates: snapshots-layer
import * as library from 'node:fs'

export const used = library
