// violates: eslint(no-restricted-globals) queueMicrotask
export const next = (run: () => void): void => queueMicrotask(run)
