// violates: mnemesh(no-spread-arguments)
export const gather = (all: number[], received: readonly number[]): void => {
  all.push(...received)
}
