// violates: nothing
export type Target = { readonly name: 'src/projection/open.ts' }
export const target = 'src/projection/open.ts'
