// violates: eslint(no-restricted-properties) Math.random
export const draw = (): number => Math.random()
