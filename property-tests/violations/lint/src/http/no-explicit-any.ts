// violates: typescript(no-explicit-any)
export type Row = { readonly value: any }
