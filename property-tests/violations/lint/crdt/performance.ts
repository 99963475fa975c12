// violates: eslint(no-restricted-globals) performance
export const now = (): number => performance.now()
