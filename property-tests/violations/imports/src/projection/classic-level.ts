// violates: projection-layer
import * as library from 'classic-level'

export const used = library
