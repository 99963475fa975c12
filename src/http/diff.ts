/**
 * `/diff`: what changed in a namespace between two times.
 */
import type { FastifyInstance } from 'fastify'

import type { Node } from '../api.ts'
import { namespaceOf } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import { pageFields, pageOf } from './paging.ts'
import type { PageQuery } from './paging.ts'
import { readOptionsOf } from './request.ts'
import { answer, answers, integer, listOf, namespaceField, object, readHeaders, textOrNull, time } from './schemas.ts'

const asked = object(
  {
    namespace: namespaceField,
    from: time('as it was then'),
    to: time('against as it was then; now when absent'),
    ...pageFields,
  },
  ['namespace', 'from'],
)
type Asked = PageQuery & { readonly namespace: string; readonly from: string; readonly to?: string }

export const diffRoutes = (app: FastifyInstance, node: Node): void => {
  app.get(
    '/diff',
    {
      schema: {
        summary: 'Memories that are not the same at two times; a page may be short, or empty, before the end',
        querystring: asked,
        headers: readHeaders,
        response: answers(200, answer({ changes: listOf('Change'), count: integer, next_cursor: textOrNull })),
      },
    },
    async (request) => {
      const { namespace, from, to, ...page } = request.query as Asked
      const between = { from: utc(from), ...(to === undefined ? {} : { to: utc(to) }) }
      const { rows, next_cursor } = await node.diff(namespaceOf(namespace), between, {
        ...readOptionsOf(request),
        ...pageOf(page),
      })
      return { changes: rows, count: rows.length, next_cursor }
    },
  )
}
