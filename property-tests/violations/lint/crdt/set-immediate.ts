// violates: eslint(no-restricted-globals) setImmediate
export const soon = (run: () => void): unknown => setImmediate(run)
