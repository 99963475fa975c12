// violates: nothing
export type Target = { readonly name: 'src/store/contract.ts' }
export const target = 'src/store/contract.ts'
