// violates: eslint(no-restricted-globals) Date
export const now = (): number => Date.now()
