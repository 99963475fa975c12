// violates: eslint(prefer-const)
let count = 1
export const run = (): number => count
