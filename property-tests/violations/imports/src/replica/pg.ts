// violates: replica-layer
import * as library from 'pg'

export const used = library
