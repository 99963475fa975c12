/**
 * What the peer says of itself: health, namespaces, stats, capabilities, members, quorum, digests, verification, metrics.
 */
import type { FastifyInstance } from 'fastify'

import type { Health, Node, VerifyAnswer } from '../api.ts'
import { frontierField, inForm, lagField, shownFrontier } from './frontier.ts'
import type { FrontierQuery } from './frontier.ts'
import { pageBy, pageFields, pageOf } from './paging.ts'
import type { PageQuery } from './paging.ts'
import { namespaceOf } from '../input/ids.ts'
import { asking, readOptionsOf } from './request.ts'
import {
  anyObject,
  answer,
  answers,
  boolean,
  integer,
  listOf,
  namespaceField,
  object,
  readHeaders,
  ref,
  text,
  textOrNull,
} from './schemas.ts'

const namespaces = answer({
  namespaces: { type: 'array', items: answer({ namespace: text, memories: integer, updated_at: text }) },
  count: integer,
  next_cursor: textOrNull,
  frontier: shownFrontier,
  lag: lagField,
})
const page = object(pageFields)
const shownPage = object({ ...pageFields, frontier: frontierField })
const form = object({ frontier: frontierField })
const stats = object(
  { total: { ...integer, description: 'live memories' }, frontier: shownFrontier, lag: lagField },
  ['total', 'frontier', 'lag'],
  { additionalProperties: true },
)
const documentsField = {
  ...textOrNull,
  description: 'null while some documents are being worked out, see documents_pending',
}
const digestFields = {
  frontier: text,
  documents: documentsField,
  projection: { ...textOrNull, description: 'of the rows; null while the search index cannot be asked' },
}
const digests = answer({
  ...digestFields,
  documents_pending: {
    ...integer,
    description: 'documents that are being worked out, after a start, a fork, a revocation or a healed commit',
  },
  log: { ...integer, description: "commits in this peer's log" },
  namespaces: {
    type: 'object',
    additionalProperties: answer(digestFields),
    description: 'the same of each namespace, by name: a page of them',
  },
  next_cursor: textOrNull,
})
const digestsQuery = object({
  namespace: { ...namespaceField, description: 'of the namespaces only this one' },
  ...pageFields,
})
const rebuilt = answer({
  digest: { ...text, description: 'of all rows, as /digests shows it' },
  commits: integer,
  ms: integer,
})
const verified = answer({
  ok: boolean,
  commits: integer,
  events: integer,
  unknown_events: integer,
  bodies: integer,
  chains: integer,
  problems: { type: 'array', items: answer({ what: text, where: text }) },
})

const stored = answer({
  log: answer({ commits: integer, bytes: integer }),
  texts: answer(
    Object.fromEntries(
      ['shown', 'older', 'forgotten', 'episodes', 'left_out', 'missing', 'erased', 'dropped'].map((kind) => [
        kind,
        answer({ texts: integer, bytes: integer }),
      ]),
    ),
  ),
  would_free: {
    ...answer({ older: integer, forgotten: integer }),
    description: 'bytes of texts that no reader of the present is shown',
  },
  policy: {
    ...answer({ keep_history: { type: ['string', 'null'] }, due: integer }),
    description: 'how much of older versions is kept, and bytes of what is not and still lies here',
  },
  disk: {
    anyOf: [
      { type: 'null' },
      answer({ free_bytes: integer, log_bytes: integer, projection_bytes: { type: ['integer', 'null'] } }),
    ],
  },
})

export const aboutRoutes = (app: FastifyInstance, node: Node): void => {
  app.get(
    '/health',
    {
      config: { open: true },
      schema: {
        summary: 'Whether writes can succeed; reasons in full with a key',
        response: { ...answers(200, ref('Health')), 503: ref('Health') },
      },
    },
    async (request, reply) => {
      const health = shownTo(request.known, await node.health())
      if (!health.writes && health.status === 'degraded') void reply.code(503)
      return reply.send(health)
    },
  )

  app.get(
    '/namespaces',
    {
      schema: {
        summary: 'Namespaces that hold memories, by their names',
        querystring: shownPage,
        headers: readHeaders,
        response: answers(200, namespaces),
      },
    },
    async (request) => {
      const query = request.query as PageQuery & FrontierQuery
      const { rows: all, frontier, lag } = await node.namespaces(inForm(readOptionsOf(request), query.frontier))
      const { rows, next_cursor } = pageBy(all, ({ namespace }) => namespace, query)
      return { namespaces: rows, count: rows.length, next_cursor, frontier, lag }
    },
  )
  app.get(
    '/stats',
    { schema: { summary: 'Counts', querystring: form, headers: readHeaders, response: answers(200, stats) } },
    async (request) => {
      return node.stats(inForm(readOptionsOf(request), (request.query as FrontierQuery).frontier))
    },
  )
  app.get(
    '/capabilities',
    { schema: { summary: 'What this peer can do', response: answers(200, anyObject) } },
    async () => node.capabilities(),
  )
  app.get('/quorum', { schema: { summary: 'What a write waits for', response: answers(200, anyObject) } }, async () =>
    node.quorum(),
  )
  app.get(
    '/peers',
    {
      schema: {
        summary: 'Members of the mesh and the links to them, by their ids',
        querystring: page,
        response: answers(200, answer({ peers: listOf('Peer'), count: integer, next_cursor: textOrNull })),
      },
    },
    async (request) => {
      const { rows, next_cursor } = pageBy(await node.peers(), ({ peer_id }) => peer_id, request.query as PageQuery)
      return { peers: rows, count: rows.length, next_cursor }
    },
  )
  app.get(
    '/digests',
    {
      schema: {
        summary: 'Digests of log, documents and projection: equal on members that hold the same',
        querystring: digestsQuery,
        response: answers(200, digests),
      },
    },
    async (request) => {
      const { namespace, ...of } = request.query as PageQuery & { readonly namespace?: string }
      return node.digests({ ...pageOf(of), ...(namespace === undefined ? {} : { namespace: namespaceOf(namespace) }) })
    },
  )

  // Reads everything there is, so those who ask meanwhile share one run.
  let running: Promise<VerifyAnswer> | null = null
  app.post(
    '/verify',
    {
      config: { reads: true },
      schema: { summary: 'Check every signature, chain, root and body', response: answers(200, verified) },
    },
    async (request) => {
      request.raw.setTimeout(0)
      running ??= node.verify().finally(() => {
        running = null
      })
      return running
    },
  )

  app.get(
    '/storage',
    {
      schema: {
        summary: 'What lies where, counted anew: takes as long as there is much',
        response: answers(200, stored),
      },
    },
    async (request) => {
      request.raw.setTimeout(0)
      return node.storage()
    },
  )

  app.post(
    '/projection/rebuild',
    {
      schema: {
        summary: 'Make the search index anew from the log, while the old one serves; answers when the new one does',
        response: answers(200, rebuilt),
      },
    },
    async (request) => {
      request.raw.setTimeout(0)
      return asking(request, () => node.rebuild())
    },
  )
}

/**
 * Without a key: status, version, ids and counts, and of the reasons only how many there are. They name members, addresses of databases and
 * folders of this machine.
 */
const shownTo = (known: boolean, health: Health): Health => {
  if (known) return health
  if (health.reasons.length === 0) return { ...health, disk: null }
  const what = health.writes ? 'something wants a look' : "writes can't succeed"
  return {
    ...health,
    disk: null,
    reasons: [`${what} (reasons: ${health.reasons.length}); ask with an API key for them`],
  }
}

/** Prometheus text. */
export const metricsRoute = (app: FastifyInstance, node: Node, path: string): void => {
  const prometheus = { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: text } } } }
  app.get(
    path,
    { config: { open: true }, schema: { summary: 'Metrics', response: prometheus } },
    async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await node.metrics()),
  )
}
