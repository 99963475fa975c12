// violates: typescript(no-unsafe-return)
export const run = (text: string): number => {
  return JSON.parse(text)
}
