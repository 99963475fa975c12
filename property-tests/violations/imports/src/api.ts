// violates: nothing
export type Target = { readonly name: 'src/api.ts' }
export const target = 'src/api.ts'
