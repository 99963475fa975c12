// violates: typescript(only-throw-error)
export const run = (): never => {
  throw 'a string has no stack'
}
