/**
 * `/memories/{id}/history`, `/conflicts`, `/resolve`: who wrote what, where two wrote at once, and settling it.
 */
import type { FastifyInstance } from 'fastify'

import { parseEventId, type EventId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { pageFields, pageOf } from './paging.ts'
import type { PageQuery } from './paging.ts'
import { pastField, pastOf, type PastQuery } from './past.ts'
import { asking, readOptionsOf, recordIdOf, writeOptionsOf } from './request.ts'
import {
  answer,
  answers,
  idParams,
  integer,
  listOf,
  name,
  object,
  quorumQuery,
  readHeaders,
  ref,
  textOrNull,
  uuid,
  writeHeaders,
} from './schemas.ts'

type Choice = { readonly field: string; readonly event_id?: string; readonly value?: unknown }

const choice = object(
  {
    field: name('the field to settle'),
    event_id: uuid('the event whose value is to stand'),
    value: { 'x-text-bytes-max': limits.content_bytes_max, description: 'or another value that is to stand' },
  },
  ['field'],
  { oneOf: [{ required: ['event_id'] }, { required: ['value'] }] },
)

const page = object({
  ...pageFields,
  diff: {
    type: 'boolean',
    default: false,
    description: 'also the lines that each version changed of its texts, against what was said of the field before it',
  },
})
const pageThen = object({ ...pageFields, ...pastField })
const which = object({
  event: uuid('the event to prove; default: the one that made the memory'),
  version: {
    type: 'integer',
    minimum: 1,
    maximum: limits.seq_max,
    description: 'or its number in the history, from 1',
  },
})
/** A proof has one form, and failures are objects. */
const asItIs = (answer: unknown): string => (typeof answer === 'string' ? answer : JSON.stringify(answer))

export const versionRoutes = (app: FastifyInstance, node: Node): void => {
  app.get(
    '/memories/:id/history',
    {
      schema: {
        summary: 'Every version, with who, where and when, oldest first',
        params: idParams,
        querystring: page,
        headers: readHeaders,
        response: answers(200, answer({ versions: listOf('Version'), count: integer, next_cursor: textOrNull })),
      },
    },
    async (request) => {
      const { diff = false, ...asked } = request.query as PageQuery & { readonly diff?: boolean }
      const { rows, next_cursor } = await node.history(recordIdOf(request), {
        ...readOptionsOf(request),
        ...pageOf(asked),
        ...(diff ? { diff } : {}),
      })
      return { versions: rows, count: rows.length, next_cursor }
    },
  )

  app.get(
    '/memories/:id/proof',
    {
      schema: {
        summary:
          'What shows to whoever knows the mesh id alone who said it, when, and on whose disks it lies; keep the bytes as they come',
        params: idParams,
        querystring: which,
        headers: readHeaders,
        response: answers(200, ref('Proof')),
      },
      serializerCompiler: () => asItIs,
    },
    async (request, reply) => {
      const { event, version } = request.query as { readonly event?: string; readonly version?: number }
      if (event !== undefined && version !== undefined)
        throw new NodeError('malformed', 'give either event or version', { details: { field: 'version' } })
      const options = {
        ...readOptionsOf(request),
        ...(version === undefined ? {} : { version }),
        ...(event === undefined ? {} : { event: eventOf(event, 'event is no UUID; take it from the history') }),
      }
      return reply.type('application/json; charset=utf-8').send(await node.proof(recordIdOf(request), options))
    },
  )

  app.get(
    '/memories/:id/conflicts',
    {
      schema: {
        summary: 'Fields that hold concurrent values; one with more than fit goes on on the next page',
        params: idParams,
        querystring: pageThen,
        headers: readHeaders,
        response: answers(200, answer({ conflicts: listOf('Conflict'), count: integer, next_cursor: textOrNull })),
      },
    },
    async (request) => {
      const { rows, next_cursor } = await node.conflicts(recordIdOf(request), {
        ...readOptionsOf(request),
        ...pageOf(request.query as PageQuery),
        ...pastOf(request.query as PastQuery),
      })
      return { conflicts: rows, count: rows.length, next_cursor }
    },
  )

  app.post(
    '/memories/:id/resolve',
    {
      schema: {
        summary: 'Settle a conflict by a new event',
        params: idParams,
        body: choice,
        querystring: quorumQuery,
        headers: writeHeaders,
        response: answers(200, ref('Written')),
      },
    },
    async (request) => {
      const id = recordIdOf(request)
      const options = writeOptionsOf(request)
      const settled = choiceOf(request.body as Choice)
      return asking(request, () => node.resolve(id, settled, options))
    },
  )
}

const choiceOf = ({ field, event_id, value }: Choice): Parameters<Node['resolve']>[1] => {
  if (event_id === undefined) return { field, value }
  return { field, event_id: eventOf(event_id, 'event_id is no UUID; take it from the conflicts') }
}

const eventOf = (text: string, message: string): EventId => {
  const event = parseEventId(text.toLowerCase())
  if (event === null) throw new NodeError('malformed', message, { details: { field: message.split(' ', 1)[0] } })
  return event
}
