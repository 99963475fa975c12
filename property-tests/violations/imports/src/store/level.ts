// violates: nothing
export type Target = { readonly name: 'src/store/level.ts' }
export const target = 'src/store/level.ts'
