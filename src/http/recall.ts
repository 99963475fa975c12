/**
 * `/recall` and `/search`: one search under two names, by GET and by POST.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { filterFields, filterOf } from './filter.ts'
import type { FilterInput } from './filter.ts'
import { frontierField, inForm, lagField, shownFrontier } from './frontier.ts'
import type { FrontierQuery } from './frontier.ts'
import { pastField, pastOf, type PastQuery } from './past.ts'
import { withRows } from './parts.ts'
import { readOptionsOf } from './request.ts'
import { shown } from './rows.ts'
import { answer, answers, integer, limitField, listOf, object, readHeaders } from './schemas.ts'

type RecallInput = FilterInput &
  FrontierQuery &
  PastQuery & {
    readonly q?: string
    readonly query?: string
    readonly context?: string
    readonly limit?: number
    readonly max_tokens?: number
    readonly explain?: boolean
  }

const question = {
  type: 'string',
  minLength: 1,
  'x-bytes-max': limits.recall_query_bytes_max,
  description: 'what to look for; q, query and context are the same',
}
const recall = object(
  {
    q: question,
    query: question,
    context: question,
    ...filterFields([
      'namespace',
      'kinds',
      'tags',
      'agent_id',
      'run_id',
      'since',
      'until',
      'stored_since',
      'stored_until',
    ]),
    limit: limitField(limits.recall_limit_default, limits.recall_limit_max),
    max_tokens: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      description: 'stop before the texts come to more than about this many tokens',
    },
    ...pastField,
    frontier: frontierField,
    explain: { type: 'boolean', default: false, description: 'say of each memory why it was found' },
  },
  [],
  { anyOf: [{ required: ['q'] }, { required: ['query'] }, { required: ['context'] }] },
)
const found = answer({
  memories: listOf('ScoredMemory'),
  count: integer,
  mode: { type: 'string', enum: ['hybrid', 'lexical'] },
  frontier: shownFrontier,
  lag: lagField,
})

export const recallRoutes = (app: FastifyInstance, node: Node): void => {
  const ask = async (input: RecallInput, request: FastifyRequest, reply: FastifyReply) => {
    const {
      q,
      query,
      context,
      limit = limits.recall_limit_default,
      max_tokens,
      explain,
      as_of,
      frontier: form,
      ...filter
    } = input
    const wanted = {
      ...filterOf(filter),
      q: q ?? query ?? context ?? '',
      limit,
      ...(max_tokens === undefined ? {} : { max_tokens }),
      ...(explain === undefined ? {} : { explain }),
      ...pastOf(as_of === undefined ? {} : { as_of }),
    }
    const { memories, mode, frontier, lag } = await node.recall(wanted, inForm(readOptionsOf(request), form))
    return withRows(reply, 'memories', memories.map(shown), { count: memories.length, mode, frontier, lag })
  }
  for (const path of ['/recall', '/search']) {
    app.get(
      path,
      {
        schema: { summary: 'Find memories', querystring: recall, headers: readHeaders, response: answers(200, found) },
      },
      async (request, reply) => ask(request.query as RecallInput, request, reply),
    )
    app.post(
      path,
      {
        config: { reads: true },
        schema: { summary: 'Find memories', body: recall, headers: readHeaders, response: answers(200, found) },
      },
      async (request, reply) => ask(request.body as RecallInput, request, reply),
    )
  }
}
