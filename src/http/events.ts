/**
 * `/events`: the log in arrival order, as pages of JSON, or live as `text/event-stream`.
 */
import type { FastifyInstance } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import type { DoorLog } from './failure.ts'
import { nextTurn } from './parts.ts'
import { namespaceOf } from '../input/ids.ts'
import { answer, answers, cursorField, integer, limitField, listOf, namespaceField, object, text } from './schemas.ts'
import { streamEvents } from './stream.ts'
import { takeTurns } from '../turns.ts'
import { httpLimits } from './limits.ts'

type EventsQuery = { readonly after?: string; readonly namespace?: string; readonly limit?: number }
export type Streams = { readonly endAll: () => void }

const query = object({
  after: cursorField('next of the page before, or the id of an event of the stream; the start when absent'),
  namespace: { ...namespaceField, description: 'only this one' },
  limit: limitField(httpLimits.events_limit_default, limits.events_limit_max),
})
const page = answer({ events: listOf('LogEntry'), count: integer, next: text })
const headers = {
  type: 'object',
  properties: {
    Accept: { type: 'string', description: 'text/event-stream for the live stream' },
    'Last-Event-ID': { type: 'string', description: 'where a broken stream goes on; goes before after' },
  },
}
const response = {
  ...answers(200, page),
  200: {
    description: 'A page, or the live stream',
    content: { 'application/json': { schema: page }, 'text/event-stream': { schema: text } },
  },
}

/** @returns what ends every open stream, for a door that closes. */
export const eventRoutes = (app: FastifyInstance, node: Node, log: DoorLog): Streams => {
  const ends = new Set<() => void>()
  const inTurn: Pick<Node, 'events' | 'onLogGrown'> = {
    events: oneATurn((cursor, filter) => node.events(cursor, filter)),
    onLogGrown: (listener) => node.onLogGrown(listener),
  }

  app.get(
    '/events',
    { schema: { summary: 'The log in arrival order', querystring: query, headers, response } },
    async (request, reply) => {
      const { after, namespace, limit = httpLimits.events_limit_default } = request.query as EventsQuery
      const filter = { limit, ...(namespace === undefined ? {} : { namespace: namespaceOf(namespace) }) }
      if (request.method !== 'GET' || !(request.headers.accept ?? '').includes('text/event-stream')) {
        const { events, next } = await node.events(after, filter)
        return reply.type('application/json; charset=utf-8').send({ events, count: events.length, next })
      }
      const from = lastEventId(request.headers['last-event-id']) ?? after
      if (ends.size >= httpLimits.event_streams_max) throw tooMany()
      // The first page comes before the headers, so that a cursor that is none is answered as one.
      const first = await inTurn.events(from, filter)
      if (ends.size >= httpLimits.event_streams_max) throw tooMany()
      reply.hijack()
      const stream = streamEvents(inTurn, { first, filter, out: reply.raw, log })
      ends.add(stream.end)
      void stream.ended.then(() => ends.delete(stream.end))
      return reply
    },
  )

  return { endAll: () => ends.forEach((end) => end()) }
}

const tooMany = (): NodeError =>
  new NodeError(
    'too_many_requests',
    `${httpLimits.event_streams_max} event streams are open, the most there may be; close one or read pages`,
    { retry_after_ms: 5_000 },
  )

/** Pages of all streams one after the other, each in a turn of its own: hundreds that catch up, or hear of one write, hold nobody else up. */
const oneATurn = (read: Node['events']): Node['events'] => {
  const inTurn = takeTurns()
  return (cursor, filter) =>
    inTurn(async () => {
      await nextTurn()
      return read(cursor, filter)
    })
}

const lastEventId = (value: string | string[] | undefined): string | undefined => {
  if (typeof value !== 'string' || value === '') return undefined
  if (value.length > httpLimits.cursor_bytes_max)
    throw new NodeError('malformed', 'Last-Event-ID is no cursor that this stream gave; send one of its ids')
  return value
}
