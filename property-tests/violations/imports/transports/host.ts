// violates: nothing
export type Target = { readonly name: 'transports/host.ts' }
export const target = 'transports/host.ts'
