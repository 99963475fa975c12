// violates: no-circular
import type { B } from './type-circle-b.ts'

export type A = { readonly b?: B }
