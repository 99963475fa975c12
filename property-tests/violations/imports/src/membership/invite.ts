// violates: nothing
export type Target = { readonly name: 'src/membership/invite.ts' }
export const target = 'src/membership/invite.ts'
