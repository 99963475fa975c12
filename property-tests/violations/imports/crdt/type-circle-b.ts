// violates: nothing
import type { A } from './type-circle-a.ts'

export type B = { readonly a?: A }
