// violates: typescript(no-misused-promises)
const ready = async (): Promise<boolean> => false

export const run = (): string => (ready() ? 'yes' : 'no')
