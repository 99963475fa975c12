/**
 * `/graph`: the memories that hang together with one, by their links, as these hold at a moment.
 */
import type { FastifyInstance } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { Node } from '../api.ts'
import { frontierField, inForm, lagField, shownFrontier } from './frontier.ts'
import type { FrontierQuery } from './frontier.ts'
import { namespaceOf, recordId } from '../input/ids.ts'
import { pastField, pastOf, type PastQuery } from './past.ts'
import { readOptionsOf } from './request.ts'
import { shown } from './rows.ts'
import { utc } from '../input/keywords.ts'
import {
  answer,
  answers,
  boolean,
  integer,
  limitField,
  listOf,
  name,
  namespaceField,
  object,
  readHeaders,
  text,
  textOrNull,
  time,
  uuid,
} from './schemas.ts'

type GraphInput = FrontierQuery &
  PastQuery & {
    readonly from: string
    readonly depth?: number
    readonly relation?: string
    readonly direction?: 'out' | 'in' | 'both'
    readonly namespace?: string
    readonly valid_at?: string
    readonly limit?: number
  }

const asked = object(
  {
    from: uuid('the memory to start from'),
    depth: {
      type: 'integer',
      minimum: 0,
      maximum: limits.graph_depth_max,
      default: limits.graph_depth_default,
      description: 'how many links away at most',
    },
    relation: name('only links of this relation'),
    direction: {
      type: 'string',
      enum: ['out', 'in', 'both'],
      default: 'both',
      description: 'follow links forwards, backwards or either way',
    },
    namespace: { ...namespaceField, description: 'only memories and links of this namespace; all when absent' },
    ...pastField,
    valid_at: time('links that hold then, by what they say of themselves; as_of when absent, or now'),
    limit: { ...limitField(limits.graph_nodes_default, limits.graph_nodes_max), description: 'nodes at most' },
    frontier: frontierField,
  },
  ['from'],
)
const createdBy = answer({ agent_id: text, peer_id: text })
const node = answer({
  id: text,
  namespace: text,
  title: textOrNull,
  kind: text,
  tier: text,
  tags: { type: 'array', items: text },
  run_id: textOrNull,
  occurred_at: textOrNull,
  agent_id: text,
  created_by: createdBy,
  created_at: text,
  depth: { ...integer, description: 'links on the shortest way from the start' },
  excerpt: { ...textOrNull, description: 'how the text begins' },
})
const found = answer({
  nodes: { type: 'array', items: node },
  edges: listOf('Link'),
  truncated: { ...boolean, description: 'there are more nodes or links than are shown' },
  frontier: shownFrontier,
  lag: lagField,
})

export const graphRoutes = (app: FastifyInstance, peer: Node): void => {
  app.get(
    '/graph',
    {
      schema: {
        summary: 'The graph of links around a memory',
        querystring: asked,
        headers: readHeaders,
        response: answers(200, found),
      },
    },
    async (request) => {
      const {
        from,
        depth = limits.graph_depth_default,
        relation,
        direction = 'both',
        namespace,
        as_of,
        valid_at,
        limit = limits.graph_nodes_default,
        frontier: form,
      } = request.query as GraphInput
      const { nodes, edges, truncated, frontier, lag } = await peer.graph(
        {
          from: recordId(from),
          depth,
          direction,
          limit,
          ...(relation === undefined ? {} : { relation }),
          ...(namespace === undefined ? {} : { namespace: namespaceOf(namespace) }),
          ...pastOf(as_of === undefined ? {} : { as_of }),
          ...(valid_at === undefined ? {} : { valid_at: utc(valid_at) }),
        },
        inForm(readOptionsOf(request), form),
      )
      return { nodes: nodes.map(shown), edges: edges.map(shown), truncated, frontier, lag }
    },
  )
}
