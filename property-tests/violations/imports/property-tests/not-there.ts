// violates: not-resolvable
import * as library from './nowhere.ts'

export const used = library
