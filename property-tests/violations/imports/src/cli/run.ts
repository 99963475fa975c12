// violates: nothing
export type Target = { readonly name: 'src/cli/run.ts' }
export const target = 'src/cli/run.ts'
