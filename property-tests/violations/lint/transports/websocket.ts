// violates: nothing
export const draw = (): number => Date.now() + Math.random()
