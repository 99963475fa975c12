// violates: eslint(no-restricted-globals) crypto
export const id = (): string => crypto.randomUUID()
