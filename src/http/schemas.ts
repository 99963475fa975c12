/**
 * JSON schemas that several routes share: the fields of a memory, the rows we answer with, errors, headers.
 *
 * They are law and documentation at once: Fastify validates by them, serialises by them, and publishes them as
 * `/api/v1/openapi.json`. What a request schema does not name is refused; what a response schema does not name is not sent.
 */
import { limits } from '../../crdt/limits.ts'
import { httpLimits } from './limits.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

const UUID_PATTERN = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$'

// ── fields that are sent to us ──────────────────────────────────────────────────────────────────────────────────────

const nullable = (schema: JsonSchema): JsonSchema => ({ ...schema, type: [schema['type'], 'null'] })
export const name = (description: string, bytesMax: number = limits.name_bytes_max): JsonSchema => ({
  type: 'string',
  minLength: 1,
  'x-bytes-max': bytesMax,
  description,
})
export const time = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description })
export const uuid = (description: string): JsonSchema => ({ type: 'string', pattern: UUID_PATTERN, description })
export const namespaceField: JsonSchema = {
  type: 'string',
  description: '1–8 parts of [a-z0-9][a-z0-9._-]*, joined by /, at most 128 bytes',
  examples: ['team/api'],
}

/** Fields of a memory that can be set at creation and changed later; null clears where it is allowed. */
export const memoryFields: Readonly<Record<string, JsonSchema>> = {
  content: {
    type: 'string',
    minLength: 1,
    'x-text-bytes-max': limits.content_bytes_max,
    description: `the text, at most ${limits.content_bytes_max} bytes of UTF-8`,
  },
  title: nullable({
    type: 'string',
    minLength: 1,
    'x-text-bytes-max': limits.title_bytes_max,
    description: 'one line',
  }),
  kind: name('what it is: fact, preference, decision, …'),
  tier: name('how long it matters: short, mid, long, …'),
  tags: { type: 'array', maxItems: limits.tags_per_event_max, items: name('a tag', limits.tag_bytes_max) },
  priority: { type: 'integer', minimum: 1, maximum: 10 },
  confidence: { type: 'number', minimum: 0, maximum: 1 },
  source: nullable(name('where it comes from')),
  scope: nullable(name('whom it concerns')),
  run_id: nullable(name('the run of an agent it was written in')),
  occurred_at: nullable(time('when what it tells happened')),
  expires_at: nullable(time('from when on it is neither listed nor recalled, and read and changed by its id alone')),
  metadata: nullable({
    type: 'object',
    'x-text-bytes-max': limits.metadata_bytes_max,
    description: `labels, at most ${limits.metadata_bytes_max} bytes of JSON`,
  }),
}

/** For lists of names in a query string: repeated, or joined by commas. */
export const nameList = (description: string): JsonSchema => ({
  type: ['array', 'string'],
  maxItems: limits.tags_per_event_max,
  items: name(description),
  'x-bytes-max': httpLimits.query_bytes_max,
  description: `${description}; repeated or joined by commas`,
})

export const limitField = (byDefault: number, most: number): JsonSchema => ({
  type: 'integer',
  minimum: 1,
  maximum: most,
  default: byDefault,
})
export const cursorField = (description: string): JsonSchema => ({
  type: 'string',
  minLength: 1,
  'x-bytes-max': httpLimits.cursor_bytes_max,
  description,
})

export const object = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
  more: JsonSchema = {},
): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...(required.length === 0 ? {} : { required }),
  ...more,
})

// ── headers and parameters (documentation; `request.ts` checks them) ────────────────────────────────────────────────

const header = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: 'string', description, ...more })
const agentHeader = {
  'X-Agent-Id': header('the agent that speaks: 1–128 printable bytes without spaces; anonymous when absent'),
}
const readHeaderFields = {
  'X-Causal-Token': header('answer from a state that includes what this token saw'),
  'X-Causal-Wait': header(`how long to wait for it, in ms, at most ${limits.causal_wait_ms_max}`),
}
const writeHeaderFields = {
  ...agentHeader,
  'Idempotency-Key': header(
    `at most ${httpLimits.idempotency_key_bytes_max} bytes; the same key and body again is the same event`,
  ),
  'X-Imported-Agent': header('an import: who said it where it comes from; it stands under both names'),
  'X-Imported-At': header('an import: when it was said there (RFC 3339), not in the future'),
}
export const readHeaders: JsonSchema = { type: 'object', properties: readHeaderFields }
export const writeHeaders: JsonSchema = { type: 'object', properties: writeHeaderFields }
export const createHeaders: JsonSchema = {
  type: 'object',
  properties: {
    ...writeHeaderFields,
    'X-Imported-Id': header('an import: the id that it has there, and here where no memory has it'),
    'X-Imported-Beside': header(
      'an import: true makes the fields another value beside what the memory of that id says',
      { enum: ['true'] },
    ),
  },
}
export const changeHeaders: JsonSchema = {
  type: 'object',
  properties: { ...writeHeaderFields, 'If-Match': header('the quoted version that is to be changed; 412 on another') },
}

export const quorumField: JsonSchema = {
  type: 'integer',
  minimum: 1,
  description: "voters that must have it on disk, 1 … voters; default the peer's",
}
export const quorumQuery: JsonSchema = object({ quorum: quorumField })
/** Malformed ids are answered like absent ones, so the schema takes any text. */
export const idParams: JsonSchema = {
  type: 'object',
  properties: { id: { type: 'string', description: 'UUID' } },
  required: ['id'],
}
export const agentParams: JsonSchema = {
  type: 'object',
  properties: { id: { type: 'string', description: 'agent id' } },
  required: ['id'],
}

// ── what we answer ──────────────────────────────────────────────────────────────────────────────────────────────────

const text = { type: 'string' }
const textOrNull = { type: ['string', 'null'] }
const integer = { type: 'integer' }
const number = { type: 'number' }
const boolean = { type: 'boolean' }
export const anyObject: JsonSchema = { type: 'object', additionalProperties: true }
const objectOrNull: JsonSchema = { type: ['object', 'null'], additionalProperties: true }
/** An answer: every field is always there, unless named optional. */
const answer = (properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema =>
  object(
    properties,
    Object.keys(properties).filter((key) => !optional.includes(key)),
  )
export const listOf = (schemaId: string): JsonSchema => ({ type: 'array', items: { $ref: `${schemaId}#` } })

const createdBy = answer({ agent_id: text, peer_id: text })
const memory = {
  id: text,
  namespace: text,
  title: textOrNull,
  content: textOrNull,
  kind: text,
  tier: text,
  tags: { type: 'array', items: text },
  priority: integer,
  confidence: number,
  source: textOrNull,
  scope: textOrNull,
  run_id: textOrNull,
  occurred_at: textOrNull,
  expires_at: textOrNull,
  metadata: anyObject,
  agent_id: text,
  created_by: createdBy,
  created_at: text,
  updated_at: text,
  version: text,
  forgotten: boolean,
  erased: boolean,
  conflicts: integer,
  unreadable: { type: 'array', items: text },
  dropped: { type: 'array', items: text },
}
const written = {
  id: text,
  namespace: text,
  agent_id: text,
  event_id: text,
  quorum_acks: integer,
  receipt: { $ref: 'Receipt#' },
  token: text,
}

const withId = (id: string, schema: JsonSchema): JsonSchema => ({ $id: id, ...schema })

/** Registered with Fastify under these names; they become the components of the OpenAPI document. */
export const sharedSchemas: readonly JsonSchema[] = [
  withId(
    'Error',
    object(
      { error: text, message: text, details: anyObject, local_committed: boolean, may_be_elsewhere: boolean },
      ['error', 'message'],
      { additionalProperties: true },
    ),
  ),
  withId('Memory', answer(memory, ['unreadable', 'dropped'])),
  withId(
    'ScoredMemory',
    answer({ ...memory, score: number, explain: anyObject }, ['explain', 'unreadable', 'dropped']),
  ),
  withId(
    'Link',
    answer({
      id: text,
      namespace: text,
      from: text,
      to: text,
      relation: text,
      valid_from: textOrNull,
      valid_until: textOrNull,
      agent_id: text,
      created_by: createdBy,
      created_at: text,
      removed: boolean,
    }),
  ),
  withId(
    'Episode',
    answer(
      {
        id: text,
        namespace: text,
        agent_id: text,
        created_by: createdBy,
        event_type: text,
        sender: textOrNull,
        recipient: textOrNull,
        body: objectOrNull,
        inference_receipt_id: textOrNull,
        audit_event_hash: textOrNull,
        created_at: text,
        unreadable: { type: 'array', items: text },
      },
      ['unreadable'],
    ),
  ),
  withId(
    'Receipt',
    answer({
      commit: text,
      chain: text,
      seq: integer,
      header: text,
      acks: {
        type: 'array',
        items: answer({
          voter: text,
          seq: integer,
          hash: text,
          index: integer,
          count: integer,
          path: text,
          signature: text,
          tie: nullable(answer({ header: text, path: text })),
        }),
      },
    }),
  ),
  withId(
    'Proof',
    answer({
      v: integer,
      mesh: text,
      control: { type: 'array', items: text },
      receipt: { $ref: 'Receipt#' },
      signature: text,
      event: text,
      attestation: textOrNull,
      index: integer,
      path: text,
      texts: { type: 'array', items: answer({ ref: text, salt: text, text }) },
    }),
  ),
  withId('Written', answer({ ...written, title: textOrNull, tier: text })),
  withId('LinkWritten', answer({ ...written, link: { $ref: 'Link#' } })),
  withId('LinkRemoved', answer(written)),
  withId('EpisodeWritten', answer({ ...written, episode: { $ref: 'Episode#' } })),
  withId(
    'Version',
    answer(
      {
        event_id: text,
        kind: text,
        agent_id: text,
        peer_id: text,
        at: text,
        set: anyObject,
        tags: answer({ add: { type: 'array', items: text }, remove: { type: 'array', items: text } }),
        unreadable: { type: 'array', items: text },
        dropped: { type: 'array', items: text },
        diff: { type: 'object', additionalProperties: text },
      },
      ['tags', 'unreadable', 'dropped', 'diff'],
    ),
  ),
  withId(
    'Change',
    answer({
      id: text,
      change: { type: 'string', enum: ['added', 'changed', 'removed'] },
      title: textOrNull,
      agent_id: text,
      at: text,
      fields: { type: 'array', items: text },
      diff: { type: 'object', additionalProperties: text },
      erased: boolean,
    }),
  ),
  withId(
    'Conflict',
    answer({
      field: text,
      values: {
        type: 'array',
        items: answer(
          {
            value: {},
            event_id: text,
            agent_id: text,
            peer_id: text,
            at: text,
            shown: boolean,
            unreadable: boolean,
            dropped: boolean,
          },
          ['unreadable', 'dropped'],
        ),
      },
    }),
  ),
  withId(
    'LogEntry',
    answer(
      {
        cursor: text,
        event_id: text,
        namespace: text,
        kind: text,
        record: textOrNull,
        agent_id: text,
        peer_id: text,
        at: text,
        commit: text,
        chain: text,
        seq: integer,
        event: anyObject,
        unknown: { type: 'array', items: text },
      },
      ['unknown'],
    ),
  ),
  withId(
    'Peer',
    answer({
      peer_id: text,
      name: text,
      role: text,
      self: boolean,
      revoked: boolean,
      forked: boolean,
      link: text,
      addresses: { type: 'array', items: text },
      round_trip_ms: { type: ['number', 'null'] },
      commits_behind: { type: ['integer', 'null'] },
      last_error: textOrNull,
      reads_level: { type: ['integer', 'null'] },
      budget: { type: 'object', additionalProperties: integer },
    }),
  ),
  withId(
    'Health',
    answer({
      status: { type: 'string', enum: ['ok', 'degraded'] },
      writes: boolean,
      version: text,
      peer_id: text,
      name: text,
      mesh_id: text,
      members: integer,
      voters: integer,
      quorum: integer,
      connected: integer,
      projection: text,
      projection_lag: integer,
      search: { type: 'string', enum: ['none', 'resting', 'opening', 'ready', 'behind', 'out'] },
      embedder: { type: 'string', enum: ['none', 'starting', 'ready', 'failing'] },
      disk: {
        anyOf: [
          { type: 'null' },
          answer({ free_bytes: integer, log_bytes: integer, projection_bytes: { type: ['integer', 'null'] } }),
        ],
      },
      embedder_ready: boolean,
      federation_enabled: boolean,
      format: answer({ level: integer, reads: integer }),
      unknown_events: integer,
      control: answer({ place: integer, forked: boolean }),
      reasons: { type: 'array', items: text },
    }),
  ),
]

const failures = { '4xx': { $ref: 'Error#' }, '5xx': { $ref: 'Error#' } }
export const ref = (schemaId: string): JsonSchema => ({ $ref: `${schemaId}#` })
/** The answers of a route: one success, and errors. */
export const answers = (status: 200 | 201, schema: JsonSchema): Readonly<Record<string, JsonSchema>> => ({
  [status]: schema,
  ...failures,
})
export { answer, boolean, integer, number, text, textOrNull }
