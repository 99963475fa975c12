// violates: nothing
export type Target = { readonly name: 'src/ports.ts' }
export const target = 'src/ports.ts'
