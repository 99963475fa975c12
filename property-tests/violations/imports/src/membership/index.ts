// violates: nothing
export type Target = { readonly name: 'src/membership/index.ts' }
export const target = 'src/membership/index.ts'
