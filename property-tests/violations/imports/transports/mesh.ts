// violates: nothing
export type Target = { readonly name: 'transports/mesh.ts' }
export const target = 'transports/mesh.ts'
