/**
 * Memories that mem0 exports: a JSON list, or one under `results` or `memories`, each with its text under `memory`.
 *
 * Whose it is (`user_id`) is the scope, `categories` are the tags; everything else stays in the metadata.
 */
import { limits } from '../../../crdt/limits.ts'
import type { FileBytes } from './archive.ts'
import { list, object, textOf, timeOf } from './conversations.ts'
import { type Draft, type ImportSource, keyOf, type MemoryItem, type ProblemItem, stableJson } from './item.ts'
import { jsonElements } from './json-elements.ts'

const TAKEN: ReadonlySet<string> = new Set([
  'memory',
  'data',
  'text',
  'categories',
  'user_id',
  'run_id',
  'created_at',
  'metadata',
  'hash',
  'score',
])

export const mem0Source = (file: FileBytes): ImportSource => {
  let read = 0
  return {
    format: 'mem0',
    unit: 'bytes',
    total: file.size,
    done: () => read,
    hint: 'it has no list of memories; mem0 exports one under "results"',
    async *memories() {
      for await (const element of jsonElements(await file.open(), file.name, (bytes) => (read = bytes))) {
        // Its graph is told beside its memories, in the memories' own words.
        if (element.kind === 'element' && element.under !== 'relations') yield mem0Item(element.value, element.where)
        else if (element.kind !== 'element') yield element
      }
    },
  }
}

const mem0Item = (value: unknown, where: string): MemoryItem | ProblemItem => {
  const fields = object(value)
  const content = textOf(fields['memory']) || textOf(fields['data']) || textOf(fields['text'])
  if (content === '') return { kind: 'problem', where, message: 'a memory without its text ("memory")' }
  const fits = (name: string): boolean =>
    textOf(fields[name]) !== '' && Buffer.byteLength(textOf(fields[name])) <= limits.name_bytes_max
  const tags = [...new Set(list(fields['categories']).map(textOf))]
    .filter((tag) => tag !== '' && Buffer.byteLength(tag) <= limits.tag_bytes_max)
    .slice(0, limits.tags_per_event_max)
  const at = timeOf(fields['created_at'])
  const others = Object.fromEntries(
    Object.entries(fields).filter(
      ([name, inner]) =>
        inner !== null &&
        (!TAKEN.has(name) ||
          (['user_id', 'run_id'].includes(name) && !fits(name)) ||
          (name === 'categories' && tags.length !== list(inner).length)),
    ),
  )
  const draft: Draft = {
    content,
    tags,
    source: 'mem0',
    ...(fits('user_id') ? { scope: textOf(fields['user_id']) } : {}),
    ...(fits('run_id') ? { run_id: textOf(fields['run_id']) } : {}),
    ...(at === null ? {} : { occurred_at: at }),
    metadata: { ...others, ...object(fields['metadata']) },
  }
  const id = textOf(fields['id'])
  return {
    kind: 'memory',
    draft,
    key: id === '' ? keyOf('mem0', stableJson(draft)) : keyOf('mem0', id),
    where,
    ...(id === '' ? {} : { name: id }),
  }
}
