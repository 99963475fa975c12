// violates: no-unlisted-package
import * as library from 'enhanced-resolve'

export const used = library
