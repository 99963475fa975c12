// violates: nothing
export type Target = { readonly name: 'src/ports/store.ts' }
export const target = 'src/ports/store.ts'
