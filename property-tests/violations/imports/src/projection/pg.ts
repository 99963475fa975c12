// violates: nothing
import * as library from 'pg'

export const used = library
