// violates: store-layer
import * as library from 'pg'

export const used = library
