// violates: nothing
export type Target = { readonly name: 'src/store/level.test.ts' }
export const target = 'src/store/level.test.ts'
