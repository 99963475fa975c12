// violates: eslint(no-restricted-globals) globalThis
export const now = (): number => globalThis.Date.now()
