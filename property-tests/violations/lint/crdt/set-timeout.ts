// violates: eslint(no-restricted-globals) setTimeout
export const later = (run: () => void): unknown => setTimeout(run, 1)
