// violates: typescript(await-thenable)
export const run = async (value: number): Promise<void> => {
  await value
}
