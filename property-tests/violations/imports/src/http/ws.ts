// violates: http-layer
import * as library from 'ws'

export const used = library
