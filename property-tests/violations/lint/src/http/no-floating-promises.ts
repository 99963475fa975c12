// violates: typescript(no-floating-promises)
const save = async (): Promise<void> => undefined

export const run = (): void => {
  save()
}
