// violates: snapshots-files-layer
import * as library from 'node:net'

export const used = library
