// violates: nothing
export type Target = { readonly name: 'deploy/fleet.ts' }
export const target = 'deploy/fleet.ts'
