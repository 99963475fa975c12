/**
 * `/agents/{id}/memory/episodic`: the append-only log of one agent. An agent appends to its own log only.
 */
import type { FastifyInstance } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { EpisodeInput, Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { frontierField, inForm, lagField, shownFrontier } from './frontier.ts'
import type { FrontierQuery } from './frontier.ts'
import { DEFAULT_NAMESPACE } from './memories.ts'
import { namespaceOf } from '../input/ids.ts'
import { agentOf, asking, pathAgentOf, readOptionsOf, writeOptionsOf } from './request.ts'
import { shown } from './rows.ts'
import { utc } from '../input/keywords.ts'
import {
  agentParams,
  answer,
  answers,
  integer,
  limitField,
  listOf,
  name,
  namespaceField,
  object,
  quorumQuery,
  readHeaders,
  ref,
  time,
  writeHeaders,
} from './schemas.ts'
import { httpLimits } from './limits.ts'

type EpisodeBody = EpisodeInput & { readonly namespace?: string }
type EpisodeQuery = FrontierQuery & { readonly event_type?: string; readonly since?: string; readonly limit?: number }

const eventType = name('what happened', 64)
const episode = object(
  {
    event_type: eventType,
    sender: name('who sent', 128),
    recipient: name('who was meant', 128),
    body: {
      type: 'object',
      'x-text-bytes-max': limits.episode_body_bytes_max,
      description: `at most ${limits.episode_body_bytes_max} bytes of JSON`,
    },
    inference_receipt_id: name('receipt of the inference that led here'),
    audit_event_hash: name('entry of an audit log', 64),
    namespace: { ...namespaceField, default: DEFAULT_NAMESPACE },
  },
  ['event_type'],
)
const query = object({
  event_type: eventType,
  since: time('then or later'),
  limit: limitField(httpLimits.episodes_limit_default, limits.episodes_limit_max),
  frontier: frontierField,
})

export const episodeRoutes = (app: FastifyInstance, node: Node): void => {
  app.post(
    '/agents/:id/memory/episodic',
    {
      schema: {
        summary: 'Append an episode',
        params: agentParams,
        body: episode,
        querystring: quorumQuery,
        headers: writeHeaders,
        response: answers(201, ref('EpisodeWritten')),
      },
    },
    async (request, reply) => {
      const agent = pathAgentOf(request)
      if (request.headers['x-agent-id'] !== undefined && agentOf(request) !== agent)
        throw new NodeError('forbidden', 'an agent appends to its own log; X-Agent-Id and the path name two')
      const { namespace = DEFAULT_NAMESPACE, ...input } = request.body as EpisodeBody
      const into = namespaceOf(namespace)
      const options = { ...writeOptionsOf(request), agent }
      const written = await asking(request, () => node.appendEpisode(into, input, options))
      return reply.code(201).send({ ...written, episode: shown(written.episode) })
    },
  )

  app.get(
    '/agents/:id/memory/episodic',
    {
      schema: {
        summary: 'Episodes of an agent, newest first',
        params: agentParams,
        querystring: query,
        headers: readHeaders,
        response: answers(
          200,
          answer({ episodes: listOf('Episode'), count: integer, frontier: shownFrontier, lag: lagField }),
        ),
      },
    },
    async (request) => {
      const {
        event_type,
        since,
        limit = httpLimits.episodes_limit_default,
        frontier: form,
      } = request.query as EpisodeQuery
      const filter = {
        agent_id: pathAgentOf(request),
        limit,
        ...(event_type === undefined ? {} : { event_type }),
        ...(since === undefined ? {} : { since: utc(since) }),
      }
      const { rows, frontier, lag } = await node.episodes(filter, inForm(readOptionsOf(request), form))
      return { episodes: rows.map(shown), count: rows.length, frontier, lag }
    },
  )
}
