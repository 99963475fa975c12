/** Fields that several tools take, and how they become what the node asks for. */
import { parseEventId, type EventId, type Namespace } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { MemoryInput } from '../api.ts'
import { NodeError } from '../errors.ts'
import { namespaceOf } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import type { MemoryFilter } from '../ports/projection.ts'
import type { Asked, JsonSchema } from './tool.ts'

export const text: JsonSchema = { type: 'string' }
export const textOrNull: JsonSchema = { type: ['string', 'null'] }
export const integer: JsonSchema = { type: 'integer' }
export const boolean: JsonSchema = { type: 'boolean' }
export const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items })

const NAMESPACE_CHARS = 128
export const id: JsonSchema = { type: 'string', maxLength: 36, description: 'id of a memory' }
export const namespace: JsonSchema = {
  type: 'string',
  maxLength: NAMESPACE_CHARS,
  description: "leave out for this project's",
}
export const readNamespace: JsonSchema = { ...namespace, description: "leave out for this project's; * is all" }
export const content: JsonSchema = {
  type: 'string',
  minLength: 1,
  'x-text-bytes-max': limits.content_bytes_max,
  description: 'whole sentences that stand alone',
}
export const title: JsonSchema = { type: 'string', minLength: 1, 'x-text-bytes-max': limits.title_bytes_max }
export const kind: JsonSchema = {
  type: 'string',
  minLength: 1,
  'x-bytes-max': limits.name_bytes_max,
  description: 'fact, preference, decision, …',
}
export const tags: JsonSchema = {
  type: 'array',
  maxItems: limits.tags_per_event_max,
  items: { type: 'string', minLength: 1, 'x-bytes-max': limits.tag_bytes_max },
}
export const time = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description })
export const query: JsonSchema = { type: 'string', minLength: 1, 'x-bytes-max': limits.recall_query_bytes_max }
const CURSOR_BYTES_MAX = 2_048
export const cursor: JsonSchema = {
  type: 'string',
  minLength: 1,
  'x-bytes-max': CURSOR_BYTES_MAX,
  description: 'next_cursor',
}
export const tokens: JsonSchema = {
  type: 'integer',
  minimum: 50,
  maximum: 20_000,
  description: 'how long the answer may be, about (default 2000)',
}
export const TOKENS_DEFAULT = 2_000

export type Fields = Pick<MemoryInput, 'title' | 'kind' | 'tags' | 'content'> & { readonly expires_at?: string }
/** What the node takes of them. */
export const inputOf = ({ expires_at, tags: given, ...fields }: Fields): MemoryInput => ({
  ...fields,
  ...(given === undefined ? {} : { tags: [...new Set(given)] }),
  ...(expires_at === undefined ? {} : { expires_at: utc(expires_at) }),
})

export const DEFAULT_NAMESPACE = namespaceOf('default')
/** Where a write goes. */
export const writtenTo = ({ session }: Asked, given: string | undefined): Namespace =>
  given === undefined ? (session.namespace ?? DEFAULT_NAMESPACE) : namespaceOf(given)

/** What a read sees. */
export const readFrom = ({ session }: Asked, given: string | undefined): { readonly namespace?: Namespace } => {
  if (given === '*') return {}
  if (given !== undefined) return { namespace: namespaceOf(given) }
  return session.namespace === null ? {} : { namespace: session.namespace }
}

export type Narrowed = {
  readonly namespace?: string
  readonly kind?: string
  readonly tags?: readonly string[]
  readonly since?: string
  readonly until?: string
}
export const narrowing = {
  namespace: readNamespace,
  kind,
  tags,
  since: time('happened then or later'),
  until: time('happened before'),
}
export const filterOf = (
  asked: Asked,
  { namespace: given, kind: one, tags: all, since, until }: Narrowed,
): MemoryFilter => ({
  ...readFrom(asked, given),
  ...(one === undefined ? {} : { kinds: [one] }),
  ...(all === undefined ? {} : { tags: all }),
  ...(since === undefined ? {} : { since: utc(since) }),
  ...(until === undefined ? {} : { until: utc(until) }),
})

/** A name, of which limits count the bytes. */
export const name = (description: string, bytesMax: number = limits.name_bytes_max): JsonSchema => ({
  type: 'string',
  minLength: 1,
  'x-bytes-max': bytesMax,
  description,
})
export const most = (byDefault: number, highest: number): JsonSchema => ({
  type: 'integer',
  minimum: 1,
  maximum: highest,
  description: `at most so many (default ${byDefault})`,
})
export const eventId: JsonSchema = {
  type: 'string',
  maxLength: 36,
  description: 'id of an event, from history or conflicts',
}
/** @throws NodeError malformed. */
export const eventOf = (given: string): EventId => {
  const event = parseEventId(given.toLowerCase())
  if (event === null)
    throw new NodeError('malformed', 'event_id is no id of an event; take it from history or conflicts')
  return event
}
/** What the node takes as its place in a list. */
export const from = (given: string | undefined): { readonly cursor?: string } =>
  given === undefined ? {} : { cursor: given }

/** What reads as of a time take. */
export type Past = { readonly as_of?: string }
export const past = { as_of: time('as it was then') }
export const pastOf = (as_of: string | undefined): Past => (as_of === undefined ? {} : { as_of: utc(as_of) })
