// violates: composition-root-layer
import * as library from 'pg'

export const used = library
