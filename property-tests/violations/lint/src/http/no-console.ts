// violates: eslint(no-console)
export const run = (): void => console.log('nobody reads this')
