// violates: nothing
export type Target = { readonly name: 'crdt/ids.ts' }
export const target = 'crdt/ids.ts'
