/**
 * The OpenAPI 3.1 document: made from the routes' own schemas, so it cannot say what the door does not do.
 */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no API key. */
    open?: boolean
    /** Changes nothing, though its method could. */
    reads?: boolean
    /** The body as it is published, where the handler checks more than the schema does. */
    documentedBody?: unknown
    /** Answers a method that a path does not have. */
    refusal?: boolean
  }
}

const DESCRIPTION =
  'Replicated, signed, searchable memory for AI agents. Errors are {error, message, details?}; a 5xx of a write says in local_committed whether it lies on this peer.'

export const publishDocument = async (app: FastifyInstance, version: string): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'mnemesh', version, description: DESCRIPTION },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        },
      },
      security: [{ bearer: [] }, { apiKey: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${index}`,
    },
    transform: ({ schema, url, route }) => {
      const config = route.config ?? {}
      const body = config.documentedBody === undefined ? {} : { body: config.documentedBody }
      const open = config.open === true ? { security: [] } : {}
      return { schema: { ...schema, ...body, ...open }, url }
    },
  })
}

export const documentRoute = (app: FastifyInstance): void => {
  let text: string | null = null
  app.get(
    '/openapi.json',
    {
      config: { open: true },
      schema: {
        summary: 'This document',
        response: {
          200: {
            description: 'OpenAPI 3.1',
            content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
          },
        },
      },
      serializerCompiler: () => String,
    },
    async (_request, reply) => {
      text ??= JSON.stringify(app.swagger())
      return reply.type('application/json; charset=utf-8').send(text)
    },
  )
}
