// violates: deploy-layer
import * as library from 'ws'

export const used = library
