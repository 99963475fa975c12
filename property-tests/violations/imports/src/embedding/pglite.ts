// violates: embedding-layer
import * as library from '@electric-sql/pglite'

export const used = library
