// violates: typescript(prefer-promise-reject-errors)
export const run = (): Promise<never> => Promise.reject('a string has no stack')
