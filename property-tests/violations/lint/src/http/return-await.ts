// violates: typescript(return-await)
const save = async (): Promise<number> => 1

export const run = async (): Promise<number> => {
  try {
    return save()
  } catch {
    return 0
  }
}
