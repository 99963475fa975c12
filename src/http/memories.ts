/**
 * `/memories`: create, list, read, change, forget, restore. The first of the five files that a write passes through.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { MemoryInput, Node } from '../api.ts'
import { filterOf, filterFields } from './filter.ts'
import type { FilterInput } from './filter.ts'
import { frontierField, inForm, lagField, shownFrontier } from './frontier.ts'
import type { FrontierQuery } from './frontier.ts'
import { withRows } from './parts.ts'
import { pastField, pastOf, type PastQuery } from './past.ts'
import { namespaceOf } from '../input/ids.ts'
import { asking, ifMatchOf, memoryInput, readOptionsOf, recordIdOf, writeOptionsOf } from './request.ts'
import { shown } from './rows.ts'
import {
  answer,
  answers,
  changeHeaders,
  createHeaders,
  cursorField,
  idParams,
  integer,
  limitField,
  listOf,
  memoryFields,
  namespaceField,
  object,
  quorumField,
  quorumQuery,
  readHeaders,
  ref,
  textOrNull,
  writeHeaders,
} from './schemas.ts'

type Created = MemoryInput & { readonly content: string }
export type NewMemory = Created & { readonly namespace?: string }
type ListQuery = FilterInput & FrontierQuery & PastQuery & { readonly limit?: number; readonly cursor?: string }

export const DEFAULT_NAMESPACE = 'default'
export const newMemory = object({ ...memoryFields, namespace: { ...namespaceField, default: DEFAULT_NAMESPACE } }, [
  'content',
])
const change = object(memoryFields, [], { minProperties: 1 })

const list = object({
  ...filterFields([
    'namespace',
    'kind',
    'tier',
    'tags',
    'agent_id',
    'run_id',
    'since',
    'until',
    'stored_since',
    'stored_until',
  ]),
  limit: limitField(limits.list_limit_default, limits.list_limit_max),
  cursor: cursorField('next_cursor of the page before'),
  ...pastField,
  frontier: frontierField,
})
const get = object(pastField)
const forgetQuery = object({
  quorum: quorumField,
  erase: { type: 'boolean', default: false, description: 'also destroy the text on every peer' },
})

export const memoryRoutes = (app: FastifyInstance, node: Node): void => {
  app.post(
    '/memories',
    {
      schema: {
        summary: 'Store a memory',
        body: newMemory,
        querystring: quorumQuery,
        headers: createHeaders,
        response: answers(201, ref('Written')),
      },
    },
    async (request, reply) => {
      const { namespace = DEFAULT_NAMESPACE, ...fields } = request.body as NewMemory
      const into = namespaceOf(namespace)
      const options = writeOptionsOf(request)
      const written = await asking(request, () => node.remember(into, memoryInput(fields), options))
      return reply.code(201).header('location', `/api/v1/memories/${written.id}`).send(written)
    },
  )

  app.get(
    '/memories',
    {
      schema: {
        summary: 'List memories, newest first',
        querystring: list,
        headers: readHeaders,
        response: answers(
          200,
          answer({
            memories: listOf('Memory'),
            count: integer,
            next_cursor: textOrNull,
            frontier: shownFrontier,
            lag: lagField,
          }),
        ),
      },
    },
    async (request, reply) => {
      const { limit = limits.list_limit_default, cursor, as_of, frontier, ...filter } = request.query as ListQuery
      const page = await node.list(
        filterOf(filter),
        { limit, ...(cursor === undefined ? {} : { cursor }), ...pastOf(as_of === undefined ? {} : { as_of }) },
        inForm(readOptionsOf(request), frontier),
      )
      return withRows(reply, 'memories', page.rows.map(shown), {
        count: page.rows.length,
        next_cursor: page.next_cursor,
        frontier: page.frontier,
        lag: page.lag,
      })
    },
  )

  app.get(
    '/memories/:id',
    {
      schema: {
        summary: 'One memory with its links and conflicts',
        params: idParams,
        querystring: get,
        headers: readHeaders,
        response: answers(
          200,
          answer({
            memory: ref('Memory'),
            links: listOf('Link'),
            conflicts: listOf('Conflict'),
            links_next_cursor: { ...textOrNull, description: 'where /links/{id} goes on' },
            conflicts_next_cursor: { ...textOrNull, description: 'where /memories/{id}/conflicts goes on' },
          }),
        ),
      },
    },
    async (request, reply) => {
      const { memory, links, conflicts, token, ...cursors } = await node.get(recordIdOf(request), {
        ...readOptionsOf(request),
        ...pastOf(request.query as PastQuery),
      })
      return reply
        .header('etag', `"${memory.version}"`)
        .header('x-causal-token', token)
        .send({ memory: shown(memory), links: links.map(shown), conflicts, ...cursors })
    },
  )

  const changeMemory = async (request: FastifyRequest, reply: FastifyReply) => {
    const id = recordIdOf(request)
    const options = { ...writeOptionsOf(request), ...ifMatchOf(request) }
    return reply.send(await asking(request, () => node.patch(id, memoryInput(request.body as MemoryInput), options)))
  }
  const changeSchema = {
    summary: 'Change the fields that are given; null clears',
    params: idParams,
    body: change,
    querystring: quorumQuery,
    headers: changeHeaders,
    response: answers(200, ref('Written')),
  }
  app.patch('/memories/:id', { schema: changeSchema }, changeMemory)
  app.put('/memories/:id', { schema: changeSchema }, changeMemory)

  app.delete(
    '/memories/:id',
    {
      schema: {
        summary: 'Forget a memory',
        params: idParams,
        querystring: forgetQuery,
        headers: changeHeaders,
        response: answers(200, ref('Written')),
      },
    },
    async (request) => {
      const id = recordIdOf(request)
      const { erase = false } = request.query as { readonly erase?: boolean }
      const options = { ...writeOptionsOf(request), ...ifMatchOf(request), erase }
      return asking(request, () => node.forget(id, options))
    },
  )

  app.post(
    '/memories/:id/restore',
    {
      schema: {
        summary: 'Undo a forget that was no erase',
        params: idParams,
        querystring: quorumQuery,
        headers: writeHeaders,
        response: answers(200, ref('Written')),
      },
    },
    async (request) => {
      const id = recordIdOf(request)
      const options = writeOptionsOf(request)
      return asking(request, () => node.restore(id, options))
    },
  )
}
