// violates: nothing
export type Target = { readonly name: 'src/replica/replica.ts' }
export const target = 'src/replica/replica.ts'
