/**
 * `POST /memories/bulk`: up to 1,000 memories, one quorum wait. An entry that does not fit is named by its index in
 * `errors[]`, and does not keep the others out.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'

import { limits } from '../../crdt/limits.ts'
import type { BulkAnswer, Node } from '../api.ts'
import { NodeError } from '../errors.ts'
import { schemaFailure } from './failure.ts'
import { DEFAULT_NAMESPACE, newMemory } from './memories.ts'
import type { NewMemory } from './memories.ts'
import { nextTurn, PART_ENTRIES } from './parts.ts'
import { namespaceOf } from '../input/ids.ts'
import { agentOf, asking, idempotencyKeyOf, memoryInput, writeOptionsOf } from './request.ts'
import { answer, boolean, answers, integer, object, quorumQuery, text, textOrNull, writeHeaders } from './schemas.ts'
import type { JsonSchema } from './schemas.ts'
import { httpLimits } from './limits.ts'

type Entry = NewMemory & { readonly idempotency_key?: string }
type Accepted = Parameters<Node['rememberMany']>[0][number] & { readonly index: number }
type Refused = BulkAnswer['errors'][number]

const entry = object(
  {
    ...(newMemory['properties'] as Readonly<Record<string, JsonSchema>>),
    idempotency_key: { type: 'string', minLength: 1, 'x-bytes-max': httpLimits.idempotency_key_bytes_max },
  },
  ['content'],
)
const bodyOf = (items: JsonSchema): JsonSchema => {
  const memories = { type: 'array', minItems: 1, items }
  return { anyOf: [memories, object({ memories }, ['memories'])] }
}
/** What is published. What is checked before the handler takes any entry: each is then checked by itself. */
export const documentedBulk = bodyOf(entry)
const uncheckedBulk = bodyOf({})

const result = answer({
  created: integer,
  ids: { type: 'array', items: textOrNull },
  errors: {
    type: 'array',
    items: answer({ index: integer, error: text, message: text, may_be_elsewhere: boolean, id: text }, [
      'may_be_elsewhere',
      'id',
    ]),
  },
  quorum_acks: integer,
  token: text,
})
/** Room for `/999` behind the key of the whole request. */
const KEY_BYTES_MAX = httpLimits.idempotency_key_bytes_max - 4

export const bulkRoutes = (app: FastifyInstance, node: Node): void => {
  app.post(
    '/memories/bulk',
    {
      config: { documentedBody: documentedBulk },
      schema: {
        summary: 'Store many memories',
        body: uncheckedBulk,
        querystring: quorumQuery,
        headers: writeHeaders,
        response: answers(201, result),
      },
    },
    async (request, reply) => {
      const body = request.body as readonly unknown[] | { readonly memories: readonly unknown[] }
      const entries = 'memories' in body ? body.memories : body
      if (entries.length > limits.bulk_memories_max)
        throw new NodeError(
          'too_large',
          `more than ${limits.bulk_memories_max} memories in one request; send them in parts`,
        )
      const { idempotency_key: _whole, ...options } = writeOptionsOf(request)
      const { accepted, refused } = await sort(request, entries)
      if (accepted.length === 0)
        throw new NodeError('refused', `none of the ${entries.length} memories fits; errors[] says why`, {
          created: 0,
          ids: entries.map(() => null),
          errors: refused,
        })
      const asSent = (answer: Partial<Places>): Places => placesAsSent(entries.length, accepted, refused, answer)
      const done = await asking(request, () =>
        node
          .rememberMany(accepted.map(withoutIndex), { ...options, agent: agentOf(request) })
          .catch((error: unknown) => {
            // A refusal of the whole (no quorum, say) still tells which entries would not have fitted.
            throw error instanceof NodeError && (refused.length > 0 || 'ids' in error.fields)
              ? new NodeError(error.code, error.message, { ...error.fields, ...asSent(error.fields) })
              : error
          }),
      )
      const { created, quorum_acks, token } = done
      const answered: BulkAnswer = { created, ...asSent(done), quorum_acks, token }
      if (answered.ids.every((id) => id === null))
        throw new NodeError('refused', `none of the ${entries.length} memories was stored; errors[] says why`, answered)
      return reply.code(201).send(answered)
    },
  )
}

/** Parts the entries that fit from those that do not. */
const sort = async (
  request: FastifyRequest,
  entries: readonly unknown[],
): Promise<{ readonly accepted: readonly Accepted[]; readonly refused: readonly Refused[] }> => {
  const check = request.compileValidationSchema(entry)
  const key = idempotencyKeyOf(request, KEY_BYTES_MAX)
  const accepted: Accepted[] = []
  const refused: Refused[] = []
  for (const [index, value] of entries.entries()) {
    if (index % PART_ENTRIES === PART_ENTRIES - 1) await nextTurn()
    try {
      const fault = check(value) ? undefined : check.errors?.[0]
      if (fault !== undefined) throw schemaFailure(fault, `memory ${index}`)
      accepted.push({ index, ...acceptedEntry(value as Entry, key === undefined ? undefined : `${key}/${index}`) })
    } catch (error) {
      if (!(error instanceof NodeError)) throw error
      refused.push({ index, error: error.code, message: error.message })
    }
  }
  return { accepted, refused }
}

/** @param key what the request's own key makes of this entry's; an entry may bring its own. */
const acceptedEntry = (
  { namespace = DEFAULT_NAMESPACE, idempotency_key, ...input }: Entry,
  key: string | undefined,
): Omit<Accepted, 'index'> => {
  const own = idempotency_key ?? key
  return {
    namespace: namespaceOf(namespace),
    input: memoryInput(input),
    ...(own === undefined ? {} : { idempotency_key: own }),
  }
}

const withoutIndex = ({ index: _index, ...memory }: Accepted): Omit<Accepted, 'index'> => memory

type Places = Pick<BulkAnswer, 'ids' | 'errors'>
/** The node's answer is about the entries it got; the caller's is about those that were sent. */
const placesAsSent = (
  count: number,
  accepted: readonly Accepted[],
  refused: readonly Refused[],
  { ids = [], errors = [] }: Partial<Places>,
): Places => {
  const idsAsSent: BulkAnswer['ids'][number][] = Array.from({ length: count }, () => null)
  for (const [place, { index }] of accepted.entries()) idsAsSent[index] = ids[place] ?? null
  const errorsAsSent = [
    ...refused,
    ...errors.map((error) => ({ ...error, index: accepted[error.index]?.index ?? error.index })),
  ]
  return { ids: idsAsSent, errors: errorsAsSent.sort((a, b) => a.index - b.index) }
}
