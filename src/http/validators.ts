/**
 * What checks requests: each compiled when its route is first asked. All at once they took a fifth of a second of every start, and
 * nobody asks all routes. That each compiles is shown by the test that asks every route (`document.test.ts`).
 */
import AjvCompiler from '@fastify/ajv-compiler'

type Build = ReturnType<typeof AjvCompiler>
type Validate = ReturnType<ReturnType<Build>>

const build: Build = AjvCompiler()

export const validatorsOnDemand: Build = (shared, options) => {
  const compile = build(shared, options)
  return (route) => {
    let compiled: Validate | undefined
    const validate = ((value: unknown) => {
      compiled ??= compile(route)
      const answer = compiled(value)
      // Where Fastify looks for them.
      validate.errors = compiled.errors ?? null
      return answer
    }) as Validate
    return validate
  }
}
