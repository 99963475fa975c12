/**
 * What the door serves, path by path, and the 405 for what it does not.
 */
import type { FastifyInstance, HTTPMethods } from 'fastify'

import { NodeError } from '../errors.ts'

export type Route = { readonly method: string; readonly path: string }

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Notes the routes of `app` as they are registered. */
export const watchRoutes = (
  app: FastifyInstance,
): { readonly list: readonly Route[]; readonly refuseOtherMethods: () => void } => {
  const list: Route[] = []
  app.addHook('onRoute', (route) => {
    if (route.config?.refusal === true) return
    for (const method of [route.method].flat()) list.push({ method, path: route.url })
  })
  return {
    list,
    refuseOtherMethods: () => {
      app.after(() => {
        for (const path of new Set(list.map((route) => route.path)))
          refuse(
            app,
            path,
            list.filter((route) => route.path === path).map((route) => route.method),
          )
      })
    },
  }
}

const refuse = (app: FastifyInstance, path: string, served: readonly string[]): void => {
  const allow = served.join(', ')
  const method = METHODS.filter((candidate) => !served.includes(candidate))
  if (method.length === 0) return
  app.route({
    method,
    url: path,
    config: { refusal: true },
    schema: { hide: true },
    handler: async (request, reply) => {
      void reply.header('allow', allow)
      throw new NodeError(
        'method_not_allowed',
        `${request.method} is not served here, ${allow} are; see /api/v1/openapi.json`,
      )
    },
  })
}
