/** Holds answers to the published document, and to nothing else of the door. For tests alone. */
import Fastify from 'fastify'

import { ajvOptions } from '../../input/keywords.ts'
import type { Answer } from './door-client.ts'

type Operation = {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >
}
export type Document = {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Throws where an answer is not as the document declares it. */
export const responseChecker = async (
  of: Document,
): Promise<(method: string, path: string, answer: Pick<Answer, 'status' | 'headers' | 'text'>) => Promise<void>> => {
  const app = Fastify({ ajv: ajvOptions })
  const inline = (schema: object): object =>
    JSON.parse(JSON.stringify({ ...schema, components: of.components })) as object
  app.post('/', async (request) => {
    const { schema, value } = request.body as { schema: object; value: unknown }
    const validate = request.compileValidationSchema(schema)
    return { ok: validate(value), errors: validate.errors ?? null }
  })
  await app.ready()
  return async (method, path, { status, headers, text }) => {
    const responses = of.paths[path]?.[method.toLowerCase()]?.responses ?? {}
    const declared = responses[String(status)] ?? responses[`${String(status)[0]}XX`]
    const type = (headers.get('content-type') ?? '').split(';', 1)[0]!
    const schema = declared?.content?.[type]?.schema
    if (schema === undefined) throw new Error(`${method} ${path} declares no ${status} ${type}`)
    const value: unknown = type === 'application/json' ? JSON.parse(text) : text
    const result = await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify({ schema: inline(schema), value }),
    })
    const { ok, errors } = result.json<{ ok: boolean; errors: unknown }>()
    if (!ok)
      throw new Error(
        `${method} ${path} ${status}: ${result.statusCode} ${result.statusCode === 200 ? JSON.stringify(errors) : result.body}`,
      )
  }
}
