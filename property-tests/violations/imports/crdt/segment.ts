// violates: nothing
export type Target = { readonly name: 'crdt/segment.ts' }
export const target = 'crdt/segment.ts'
