/** The tools of the profile `full` that write memories with every field that the API takes. */
import { limits } from '../../crdt/limits.ts'
import type { MemoryInput, WriteOptions } from '../api.ts'
import { NodeError } from '../errors.ts'
import { recordId } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import {
  content,
  eventId,
  eventOf,
  id,
  inputOf,
  integer,
  kind,
  listOf,
  name,
  namespace,
  tags,
  time,
  title,
  writtenTo,
  type Fields,
} from './fields.ts'
import { ADDS, answer, CHANGES, object, type Asked, type Tool } from './tool.ts'
import { answerOf, onDisks, written } from './writing.ts'

type All = Omit<MemoryInput, 'expires_at' | 'occurred_at'> & {
  readonly expires_at?: string
  readonly occurred_at?: string
}
const all = {
  content,
  title,
  kind,
  tags,
  tier: name('how long it matters: short, mid, long, …'),
  priority: { type: 'integer', minimum: 1, maximum: 10 },
  confidence: { type: 'number', minimum: 0, maximum: 1 },
  source: name('where it comes from'),
  scope: name('whom it concerns'),
  run_id: name('the run it belongs to'),
  occurred_at: time('when what it tells happened'),
  expires_at: time('until when it holds'),
  metadata: { type: 'object', 'x-text-bytes-max': limits.metadata_bytes_max, description: 'labels as JSON' },
}
const inputOfAll = ({ expires_at, occurred_at, tags: given, ...fields }: All): MemoryInput => ({
  ...fields,
  ...inputOf({ ...(given === undefined ? {} : { tags: given }), ...(expires_at === undefined ? {} : { expires_at }) }),
  ...(occurred_at === undefined ? {} : { occurred_at: utc(occurred_at) }),
})
const quorum = {
  type: 'integer',
  minimum: 1,
  maximum: limits.votes_per_commit_max,
  description: "voters that must have it on disk (default the peer's)",
}
const by = (asked: Asked, needed: number | undefined): WriteOptions => ({
  agent: asked.session.agent,
  ...(needed === undefined ? {} : { quorum: needed }),
})

const KEY_BYTES_MAX = 256
const storeMemory: Tool = {
  name: 'store_memory',
  title: 'Store a memory, every field',
  hints: ADDS,
  description:
    'Store a memory with any field, a quorum of its own, or an idempotency_key so that a repeat is the same memory. Unlike remember it looks for nothing alike; prefer remember for facts.',
  input: object(
    {
      ...all,
      namespace,
      quorum,
      idempotency_key: name('the same key and fields again are the same memory', KEY_BYTES_MAX),
    },
    ['content'],
  ),
  output: answer(written, ['id']),
  async run(
    asked: Asked,
    {
      namespace: given,
      quorum: needed,
      idempotency_key,
      ...fields
    }: All & {
      readonly content: string
      readonly namespace?: string
      readonly quorum?: number
      readonly idempotency_key?: string
    },
  ) {
    const options = { ...by(asked, needed), ...(idempotency_key === undefined ? {} : { idempotency_key }) }
    const made = await asked.node.remember(
      writtenTo(asked, given),
      { ...inputOfAll(fields), content: fields.content },
      options,
    )
    return { text: `Stored ${made.id} in ${made.namespace}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const MANY_MAX = 200
const rememberMany: Tool = {
  name: 'remember_many',
  title: 'Remember many',
  hints: ADDS,
  description: `Store up to ${MANY_MAX} memories at once, on disk together: an import, notes of a meeting. Nothing alike is looked for. For one use remember.`,
  input: object({
    memories: {
      type: 'array',
      minItems: 1,
      maxItems: MANY_MAX,
      items: object({ content, title, kind, tags, expires_at: time('until when it holds'), namespace }, ['content']),
    },
  }),
  output: answer(
    {
      created: integer,
      ids: listOf({ type: ['string', 'null'] }),
      errors: listOf({ type: 'object' }),
      quorum_acks: integer,
    },
    ['created', 'ids', 'errors'],
  ),
  async run(
    asked: Asked,
    {
      memories,
    }: { readonly memories: readonly (Fields & { readonly content: string; readonly namespace?: string })[] },
  ) {
    const entries = memories.map(({ namespace: given, ...fields }) => ({
      namespace: writtenTo(asked, given),
      input: { ...inputOf(fields), content: fields.content },
    }))
    const { created, ids, errors, quorum_acks, token } = await asked.node.rememberMany(entries, by(asked, undefined))
    asked.wrote(token)
    const refused = errors.map(({ index, message }) => `\nnumber ${index} was refused: ${message}`).join('')
    return {
      text: `Stored ${created} of ${memories.length}, ${onDisks({ quorum_acks })}.\n${ids.filter((one) => one !== null).join('\n')}${refused}`,
      data: { created, ids, errors, quorum_acks },
    }
  },
}

/** Fields that may be without a value. */
const CLEARABLE = ['title', 'source', 'scope', 'run_id', 'occurred_at', 'expires_at', 'metadata'] as const
type Change = All & {
  readonly id: string
  readonly clear?: readonly (typeof CLEARABLE)[number][]
  readonly if_version?: string
  readonly quorum?: number
}
const updateMemory: Tool = {
  name: 'update_memory',
  title: 'Change any field',
  hints: CHANGES,
  description:
    "Change any fields of a memory, and clear those named in clear. Give the version that you read as if_version, so that nobody's change in between is lost. For text, title, kind and tags update is shorter.",
  input: object(
    {
      id,
      ...all,
      clear: { type: 'array', maxItems: CLEARABLE.length, items: { type: 'string', enum: CLEARABLE } },
      if_version: { type: 'string', minLength: 1, 'x-bytes-max': 512 },
      quorum,
    },
    ['id'],
  ),
  output: answer(written, ['id']),
  async run(asked: Asked, { id: record, clear = [], if_version, quorum: needed, ...fields }: Change) {
    if (Object.keys(fields).length + clear.length === 0)
      throw new NodeError('malformed', 'nothing to change; give fields, or names of fields in clear')
    const both = clear.find((field) => field in fields)
    if (both !== undefined) throw new NodeError('malformed', `${both} is given and cleared; do one of both`)
    const input = { ...inputOfAll(fields), ...Object.fromEntries(clear.map((field) => [field, null])) }
    const made = await asked.node.patch(recordId(record), input, {
      ...by(asked, needed),
      ...(if_version === undefined ? {} : { if_match: if_version }),
    })
    return { text: `Changed ${made.id}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const restore: Tool = {
  name: 'restore',
  title: 'Undo a forget',
  hints: { ...CHANGES, destructiveHint: false, idempotentHint: true },
  description: 'Bring back a memory that was forgotten. What was erased cannot come back.',
  input: object({ id }),
  output: answer(written, ['id']),
  async run(asked: Asked, { id: record }: { readonly id: string }) {
    const made = await asked.node.restore(recordId(record), by(asked, undefined))
    return { text: `Restored ${made.id}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const erase: Tool = {
  name: 'erase',
  title: 'Erase a memory for good',
  hints: CHANGES,
  description:
    "Destroy a memory's text on every peer, for good: only when a person asks for that, or for a secret. Else use forget, which restore undoes.",
  input: object({ id }),
  output: answer(written, ['id']),
  async run(asked: Asked, { id: record }: { readonly id: string }) {
    const made = await asked.node.forget(recordId(record), { ...by(asked, undefined), erase: true })
    return { text: `Erased: ${made.id}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const resolve: Tool = {
  name: 'resolve',
  title: 'Settle values side by side',
  hints: CHANGES,
  description:
    'Settle a field that conflicts shows with several values: by the event whose value is to stand, or by another value that joins them. The others stay in the history.',
  input: object(
    {
      id,
      field: name('the field'),
      event_id: eventId,
      value: {
        'x-text-bytes-max': limits.content_bytes_max,
        description: 'instead of event_id: the value that is to stand',
      },
    },
    ['id', 'field'],
  ),
  output: answer(written, ['id']),
  async run(
    asked: Asked,
    {
      id: record,
      field,
      event_id,
      value,
    }: { readonly id: string; readonly field: string; readonly event_id?: string; readonly value?: unknown },
  ) {
    if ((event_id === undefined) === (value === undefined))
      throw new NodeError('malformed', 'give either event_id, from conflicts, or value')
    const made = await asked.node.resolve(
      recordId(record),
      event_id === undefined ? { field, value } : { field, event_id: eventOf(event_id) },
      by(asked, undefined),
    )
    return { text: `Settled ${field} of ${made.id}, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

const unlink: Tool = {
  name: 'unlink',
  title: 'Remove a link',
  hints: { ...CHANGES, idempotentHint: true },
  description: 'Remove a link that does not hold, named by its ends and relation as links shows them.',
  input: object({ from: id, to: id, relation: name('as it was given') }),
  output: answer(written, ['id']),
  async run(
    asked: Asked,
    { from, to, relation }: { readonly from: string; readonly to: string; readonly relation: string },
  ) {
    const made = await asked.node.unlink({ from: recordId(from), to: recordId(to), relation }, by(asked, undefined))
    return { text: `The link is removed, ${onDisks(made)}.`, data: answerOf(asked, made) }
  },
}

export const fullWrites: readonly Tool[] = [storeMemory, rememberMany, updateMemory, restore, erase, resolve, unlink]
