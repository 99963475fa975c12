// violates: eslint(no-restricted-globals) Date
export const now = (): string => new Date().toISOString()
