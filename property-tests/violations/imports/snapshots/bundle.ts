// violates: nothing
export type Target = { readonly name: 'snapshots/bundle.ts' }
export const target = 'snapshots/bundle.ts'
