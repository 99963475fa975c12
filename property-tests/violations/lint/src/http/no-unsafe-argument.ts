// violates: typescript(no-unsafe-argument)
export const run = (text: string): number => Math.abs(JSON.parse(text))
