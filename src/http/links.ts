/**
 * `/links`: named relations between memories, valid for a time.
 */
import type { FastifyInstance } from 'fastify'

import type { LinkInput, Node } from '../api.ts'
import { pageFields, pageOf } from './paging.ts'
import type { PageQuery } from './paging.ts'
import { pastField, pastOf, type PastQuery } from './past.ts'
import { recordId } from '../input/ids.ts'
import { asking, readOptionsOf, recordIdOf, writeOptionsOf } from './request.ts'
import { shown } from './rows.ts'
import { utc } from '../input/keywords.ts'
import {
  answer,
  answers,
  idParams,
  integer,
  listOf,
  name,
  object,
  quorumField,
  quorumQuery,
  readHeaders,
  ref,
  textOrNull,
  time,
  uuid,
  writeHeaders,
} from './schemas.ts'
import { NodeError } from '../errors.ts'

type LinkBody = {
  readonly from: string
  readonly to: string
  readonly relation: string
  readonly valid_from?: string | null
  readonly valid_until?: string | null
}
type LinkEnds = Partial<Pick<LinkBody, 'from' | 'to' | 'relation'>>

const ends = { from: uuid('a memory'), to: uuid('another'), relation: name('what the first is to the second') }
const timeOrNull = (description: string) => ({ ...time(description), type: ['string', 'null'] })
const link = object(
  { ...ends, valid_from: timeOrNull('from when on it holds'), valid_until: timeOrNull('until when') },
  ['from', 'to', 'relation'],
)

const page = object({ ...pageFields, ...pastField })

export const linkRoutes = (app: FastifyInstance, node: Node): void => {
  app.post(
    '/links',
    {
      schema: {
        summary: 'Link two memories',
        body: link,
        querystring: quorumQuery,
        headers: writeHeaders,
        response: answers(201, ref('LinkWritten')),
      },
    },
    async (request, reply) => {
      const input = linkInput(request.body as LinkBody)
      const options = writeOptionsOf(request)
      const written = await asking(request, () => node.link(input, options))
      return reply.code(201).send({ ...written, link: shown(written.link) })
    },
  )

  // Some clients cannot send a body with DELETE: the ends may stand in the query string as well.
  app.delete(
    '/links',
    {
      config: { documentedBody: object(ends, ['from', 'to', 'relation']) },
      schema: {
        summary: 'Remove a link, named in the body or in the query string',
        body: { ...object(ends), type: ['object', 'null'] },
        querystring: object({ ...ends, quorum: quorumField }),
        headers: writeHeaders,
        response: answers(200, ref('LinkRemoved')),
      },
    },
    async (request) => {
      const input = endsOf({ ...(request.query as LinkEnds), ...(request.body as LinkEnds | null) })
      const options = writeOptionsOf(request)
      return asking(request, () => node.unlink(input, options))
    },
  )

  app.get(
    '/links/:id',
    {
      schema: {
        summary: 'The links of a memory, by their ids',
        params: idParams,
        querystring: page,
        headers: readHeaders,
        response: answers(200, answer({ links: listOf('Link'), count: integer, next_cursor: textOrNull })),
      },
    },
    async (request) => {
      const { rows, next_cursor } = await node.links(recordIdOf(request), {
        ...readOptionsOf(request),
        ...pageOf(request.query as PageQuery),
        ...pastOf(request.query as PastQuery),
      })
      return { links: rows.map(shown), count: rows.length, next_cursor }
    },
  )
}

const linkInput = ({ from, to, relation, valid_from, valid_until }: LinkBody): LinkInput => ({
  from: recordId(from),
  to: recordId(to),
  relation,
  ...(valid_from === undefined ? {} : { valid_from: valid_from === null ? null : utc(valid_from) }),
  ...(valid_until === undefined ? {} : { valid_until: valid_until === null ? null : utc(valid_until) }),
})

const endsOf = ({ from, to, relation }: LinkEnds): Pick<LinkInput, 'from' | 'to' | 'relation'> => {
  if (from === undefined || to === undefined || relation === undefined)
    throw new NodeError('malformed', 'from, to and relation name a link; give all three', {
      details: { field: from === undefined ? 'from' : to === undefined ? 'to' : 'relation' },
    })
  return { from: recordId(from), to: recordId(to), relation }
}
