/**
 * JSON lines: one memory a line, with the fields that `POST /memories` takes, or as `export` wrote it.
 *
 * - A line's key is its own `idempotency_key`, else follows from its `id`, else from everything it says: two lines that
 *   say the same are one memory.
 * - A line with `said`, of a full export, is said again entry by entry, under the names and at the times that it tells.
 * - What an export says about its former record and the new one says for itself (who, when, version) is left behind.
 * - A field that a memory does not have goes into its metadata, so nothing is lost.
 */
import { parseRecordId } from '../../../crdt/ids.ts'
import { SAID_KINDS, type Said } from '../../input/said.ts'
import { jsonLines, type JsonLine } from './json-lines.ts'
import {
  type Draft,
  type ImportSource,
  keyOf,
  type LinkItem,
  type MemoryItem,
  type ProblemItem,
  stableJson,
} from './item.ts'

const FIELDS: ReadonlySet<string> = new Set([
  'content',
  'title',
  'kind',
  'tier',
  'tags',
  'priority',
  'confidence',
  'source',
  'scope',
  'run_id',
  'occurred_at',
  'expires_at',
  'metadata',
])
/** Read here and not sent as fields. */
const HANDLED: ReadonlySet<string> = new Set(['namespace', 'idempotency_key', 'id', 'links'])
/** Facts about the exported record. */
const LEFT_BEHIND: ReadonlySet<string> = new Set([
  'agent_id',
  'peer_id',
  'created_by',
  'created_at',
  'updated_at',
  'version',
  'forgotten',
  'erased',
  'conflicts',
  'unreadable',
  'dropped',
  'score',
  'explain',
])

/** @param size of the file in bytes. */
export const jsonlSource = (path: string, size: number): ImportSource => {
  let read = 0
  return {
    format: 'jsonl',
    unit: 'bytes',
    total: size,
    done: () => read,
    async *memories() {
      for await (const line of jsonLines(path, (bytes) => (read = bytes)))
        yield line.kind === 'line' ? memoryOf(line) : line
    },
    async *links() {
      for await (const line of jsonLines(path, () => undefined)) if (line.kind === 'line') yield* linksOf(line)
    },
  }
}

export const memoryOf = ({ where, value }: JsonLine): MemoryItem | ProblemItem => {
  const problem = (message: string): ProblemItem => ({ kind: 'problem', where, message })
  if (value['said'] !== undefined) return fullOf(where, value)
  const content = value['content']
  if (content === null && typeof value['id'] === 'string')
    return problem('its text was not there when it was exported (content is null)')
  if (typeof content !== 'string' || content === '') return problem('no content; a memory needs "content", its text')

  const fields: Record<string, unknown> = {}
  const others: Record<string, unknown> = {}
  const exported = typeof value['version'] === 'string' && typeof value['id'] === 'string'
  for (const [name, field] of Object.entries(value)) {
    if (FIELDS.has(name)) {
      if (field !== null) fields[name] = field
    } else if (!HANDLED.has(name) && !(exported && LEFT_BEHIND.has(name))) others[name] = field
  }
  if (Object.keys(others).length > 0) fields['metadata'] = { ...others, ...plainObject(fields['metadata']) }

  const id = idOf(value)
  const draft: Draft = { ...fields, content }
  const own_key = value['idempotency_key']
  const key =
    typeof own_key === 'string' && own_key !== ''
      ? own_key
      : id !== null
        ? keyOf('jsonl', 'id', id)
        : keyOf('jsonl', stableJson(draft))
  const exported_id = exported && id !== null && parseRecordId(id) !== null ? { exported_id: id } : {}
  const namespace = value['namespace']
  return {
    kind: 'memory',
    draft,
    key,
    where,
    ...exported_id,
    ...(id === null ? {} : { name: id }),
    ...(typeof namespace === 'string' ? { namespace } : {}),
  }
}

const fullOf = (where: string, value: JsonLine['value']): MemoryItem | ProblemItem => {
  const problem = (message: string): ProblemItem => ({ kind: 'problem', where, message })
  const { said, namespace, content } = value
  const id = parseRecordId(String(value['id']).toLowerCase())
  if (id === null) return problem('no id; a line with "said" needs the id of its memory')
  if (!isHistory(said))
    return problem('"said" is no history; take the line as `export --full` wrote it, or leave "said" out')
  return {
    kind: 'memory',
    draft: { content: typeof content === 'string' ? content : '' },
    key: keyOf('said', id),
    where,
    said,
    exported_id: id,
    name: id,
    ...(typeof namespace === 'string' ? { namespace } : {}),
  }
}

/** A memory is made first, and made once. What its fields may be the peer knows. */
const isHistory = (value: unknown): value is readonly Said[] =>
  Array.isArray(value) &&
  (value as readonly unknown[]).every((entry, at) => {
    const { kind, agent, at: time, set, tags } = plainObject(entry)
    return (
      (SAID_KINDS as readonly unknown[]).includes(kind) &&
      (kind === 'put') === (at === 0) &&
      typeof agent === 'string' &&
      typeof time === 'string' &&
      (set === undefined || plainObject(set) === set) &&
      (tags === undefined || [plainObject(tags)['add'], plainObject(tags)['remove']].every(isTexts))
    )
  }) &&
  typeof plainObject(plainObject(value[0])['set'])['content'] === 'string'

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && (value as readonly unknown[]).every((one) => typeof one === 'string')

export function* linksOf({ where, value }: JsonLine): Generator<LinkItem | ProblemItem> {
  const links = value['links']
  const from = idOf(value)
  if (!Array.isArray(links) || from === null) return
  for (const link of links as readonly unknown[]) {
    const { to, relation, valid_from, valid_until, agent, at } = plainObject(link)
    if (typeof to !== 'string' || typeof relation !== 'string')
      yield { kind: 'problem', where, message: 'a link needs "to" and "relation"' }
    else
      yield {
        kind: 'link',
        where,
        from,
        to,
        relation,
        ...(typeof valid_from === 'string' ? { valid_from } : {}),
        ...(typeof valid_until === 'string' ? { valid_until } : {}),
        ...(typeof agent === 'string' && typeof at === 'string' ? { said: { agent, at } } : {}),
      }
  }
}

const idOf = (value: Readonly<Record<string, unknown>>): string | null => {
  const id = value['id']
  return typeof id === 'string' && id !== '' ? id : typeof id === 'number' ? String(id) : null
}

const plainObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
