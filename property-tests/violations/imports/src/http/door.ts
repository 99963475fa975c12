// violates: nothing
export type Target = { readonly name: 'src/http/door.ts' }
export const target = 'src/http/door.ts'
