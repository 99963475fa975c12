/**
 * `/memories/{id}/history`, `/conflicts`, `/resolve`: who wrote what, where two wrote at once, and settling it.
 */
import type { FastifyInstance } from 'fastify'

import { parseEventId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { pageFields, pageOf } from './paging.ts'
import type { PageQuery } from './paging.ts'
import { asking, readOptionsOf, recordIdOf, writeOptionsOf } from './request.ts'
import { answer, answers, idParams, integer, listOf, name, object, quorumQuery, readHeaders, ref, textOrNull, uuid, writeHeaders } from './schemas.ts'

type Choice = { readonly field: string; readonly event_id?: string; readonly value?: unknown }

const choice = object(
  { field: name('the field to settle'), event_id: uuid('the event whose value is to stand'), value: { 'x-text-bytes-max': limits.content_bytes_max, description: 'or another value that is to stand' } },
  ['field'],
  { oneOf: [{ required: ['event_id'] }, { required: ['value'] }] },
)

const page = object(pageFields)

export const versionRoutes = (app: FastifyInstance, node: Node): void => {
  app.get('/memories/:id/history', { schema: { summary: 'Every version, with who, where and when, oldest first', params: idParams, querystring: page, headers: readHeaders, response: answers(200, answer({ versions: listOf('Version'), count: integer, next_cursor: textOrNull })) } }, async (request) => {
    const { rows, next_cursor } = await node.history(recordIdOf(request), { ...readOptionsOf(request), ...pageOf(request.query as PageQuery) })
    return { versions: rows, count: rows.length, next_cursor }
  })

  app.get('/memories/:id/conflicts', { schema: { summary: 'Fields that hold concurrent values; one with more than fit goes on on the next page', params: idParams, querystring: page, headers: readHeaders, response: answers(200, answer({ conflicts: listOf('Conflict'), count: integer, next_cursor: textOrNull })) } }, async (request) => {
    const { rows, next_cursor } = await node.conflicts(recordIdOf(request), { ...readOptionsOf(request), ...pageOf(request.query as PageQuery) })
    return { conflicts: rows, count: rows.length, next_cursor }
  })

  app.post('/memories/:id/resolve', { schema: { summary: 'Settle a conflict by a new event', params: idParams, body: choice, querystring: quorumQuery, headers: writeHeaders, response: answers(200, ref('Written')) } }, async (request) => {
    const id = recordIdOf(request)
    const options = writeOptionsOf(request)
    const settled = choiceOf(request.body as Choice)
    return asking(request, () => node.resolve(id, settled, options))
  })
}

const choiceOf = ({ field, event_id, value }: Choice): Parameters<Node['resolve']>[1] => {
  if (event_id === undefined) return { field, value }
  const event = parseEventId(event_id.toLowerCase())
  if (event === null) throw new NodeError('malformed', 'event_id is no UUID; take it from the conflicts', { details: { field: 'event_id' } })
  return { field, event_id: event }
}
