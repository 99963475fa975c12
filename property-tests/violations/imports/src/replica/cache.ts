// violates: nothing
import * as library from 'lru-cache'

export const used = library
