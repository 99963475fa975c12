// violates: eslint(eqeqeq)
export const run = (a: number, b: number): boolean => a == b
