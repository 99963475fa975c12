// violates: nothing
export type Target = { readonly name: 'property-tests/model.ts' }
export const target = 'property-tests/model.ts'
