// violates: snapshots-bucket-layer
import * as library from 'node:net'

export const used = library
