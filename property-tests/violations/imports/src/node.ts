// violates: nothing
export type Target = { readonly name: 'src/node.ts' }
export const target = 'src/node.ts'
