/**
 * Conversations that the large assistants export (ChatGPT, Claude): a memory for each question with what was answered to it.
 *
 * - Messages that were written anew are branches; each is with its own question, none is left out.
 * - What is no text (pictures, sound) is counted; a file's text that was attached is with the message.
 * - A question's own id is its key: an export of next month adds what is new.
 */
import type { FileBytes } from './archive.ts'
import { type Draft, type ImportSource, keyOf, type MemoryItem, type NoteItem, type ProblemItem } from './item.ts'
import { jsonElements } from './json-elements.ts'
import { fitLine } from './split.ts'
import { limits } from '../../../crdt/limits.ts'

export type Message = { readonly id: string; readonly role: string; readonly text: string; readonly at: string | null }
/** `turns`: each a question with what followed it. */
export type Conversation = {
  readonly id: string
  readonly title: string
  readonly from: 'chatgpt' | 'claude' | 'letta'
  readonly turns: readonly (readonly Message[])[]
}
type Skip = (reason: string) => void
type Fields = Readonly<Record<string, unknown>>

export const conversationsSource = (files: readonly FileBytes[], others: ReadonlyMap<string, number>): ImportSource => {
  const skipped = new Map(others)
  const skip: Skip = (reason) => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  let [read, before] = [0, 0]
  return {
    format: 'conversations',
    unit: 'bytes',
    total: files.reduce((sum, file) => sum + file.size, 0),
    done: () => read,
    skipped,
    hint: 'no conversations.json in it; name the folder or zip that was exported',
    async *memories() {
      for (const file of files) {
        for await (const element of jsonElements(await file.open(), file.name, (bytes) => (read = before + bytes))) {
          if (element.kind !== 'element') yield element
          else yield* itemsOf(element.value, element.where, skip)
        }
        before += file.size
      }
    },
  }
}

export function* itemsOf(value: unknown, where: string, skip: Skip): Generator<MemoryItem | ProblemItem | NoteItem> {
  const fields = object(value)
  const conversation =
    'mapping' in fields ? ofChatGpt(fields, skip) : 'chat_messages' in fields ? ofClaude(fields, skip) : null
  if (conversation === null) {
    yield {
      kind: 'problem',
      where,
      message: 'no conversation of ChatGPT or Claude; export it again, or say the --format',
    }
    return
  }
  yield* turnItems(conversation, where, skip)
}

export function* turnItems({ id, title, from, turns }: Conversation, where: string, skip: Skip): Generator<MemoryItem> {
  if (turns.length === 0) skip('conversation without a text')
  for (const turn of turns) {
    const [first] = turn
    if (first === undefined) continue
    const content = turn.map(({ role, text }) => `${role}: ${text}`).join('\n\n')
    const draft: Draft = {
      content,
      kind: 'conversation',
      tags: [from],
      source: fitLine(`${from}:${id}`, limits.name_bytes_max),
      ...(title === '' ? {} : { title: fitLine(title, limits.title_bytes_max) }),
      ...(first.at === null ? {} : { occurred_at: first.at }),
      metadata: { conversation: id, message: first.id },
    }
    yield { kind: 'memory', draft, key: keyOf(from, id, first.id), where }
  }
}

/** A tree of nodes, each with its parent. */
const ofChatGpt = (fields: Fields, skip: Skip): Conversation => {
  const nodes = new Map(Object.entries(object(fields['mapping'])).map(([id, node]) => [id, object(node)]))
  const messages = new Map<string, Message>()
  for (const [id, node] of nodes) {
    const message = object(node['message'])
    const role = textOf(object(message['author'])['role'])
    const text = partsText(object(message['content']), skip)
    if (text !== '')
      messages.set(id, { id: textOf(message['id']) || id, role, text, at: timeOf(message['create_time']) })
  }
  /** The question that a node answers to: the nearest above it. Bounded by the nodes, or a circle would never end. */
  const questionOf = (id: string): string => {
    let [at, last] = [id, id]
    for (let steps = 0; steps <= nodes.size; steps++) {
      if (messages.has(at)) last = at
      if (messages.get(at)?.role === 'user') return at
      const parent = nodes.get(at)?.['parent']
      if (typeof parent !== 'string' || !nodes.has(parent)) return last
      at = parent
    }
    return last
  }
  const turns = new Map<string, Message[]>()
  for (const [id, message] of messages) {
    const question = questionOf(id)
    const turn = turns.get(question) ?? []
    turns.set(question, question === id ? [message, ...turn] : [...turn, message])
  }
  return {
    id:
      textOf(fields['conversation_id']) ||
      textOf(fields['id']) ||
      keyOf('chatgpt', textOf(fields['title']), [...nodes.keys()].join()).slice(0, 16),
    title: textOf(fields['title']),
    from: 'chatgpt',
    turns: [...turns.values()],
  }
}

const partsText = (content: Fields, skip: Skip): string => {
  const { parts, text } = content
  if (typeof text === 'string') return text.trim()
  if (!Array.isArray(parts)) return ''
  return (parts as readonly unknown[])
    .flatMap((part) => {
      if (typeof part === 'string') return part.trim() === '' ? [] : [part.trim()]
      const { text: inner, content_type } = object(part)
      if (typeof inner === 'string') return [inner]
      skip(typeof content_type === 'string' ? content_type : 'part of a message without text')
      return []
    })
    .join('\n\n')
}

const ofClaude = (fields: Fields, skip: Skip): Conversation => {
  const turns: Message[][] = []
  for (const each of list(fields['chat_messages'])) {
    const message = object(each)
    const role = textOf(message['sender']) === 'human' ? 'user' : textOf(message['sender'])
    const blocks = list(message['content']).flatMap((block) => {
      const { type, text } = object(block)
      if (typeof text === 'string') return [text]
      skip(typeof type === 'string' ? `${type} in a message` : 'part of a message without text')
      return []
    })
    const attached = list(message['attachments']).flatMap((one) => {
      const { file_name, extracted_content } = object(one)
      return typeof extracted_content === 'string' && extracted_content !== ''
        ? [`[${textOf(file_name) || 'attached'}]\n${extracted_content}`]
        : []
    })
    for (const _file of list(message['files'])) skip('attached file without its text')
    const text = [blocks.join('\n\n').trim() || textOf(message['text']).trim(), ...attached]
      .filter((part) => part !== '')
      .join('\n\n')
    if (text === '') continue
    const said: Message = {
      id: textOf(message['uuid']) || String(turns.length),
      role,
      text,
      at: timeOf(message['created_at']),
    }
    const turn = turns.at(-1)
    if (role === 'user' || turn === undefined) turns.push([said])
    else turn.push(said)
  }
  return {
    id: textOf(fields['uuid']) || keyOf('claude', textOf(fields['name']), textOf(fields['created_at'])).slice(0, 16),
    title: textOf(fields['name']),
    from: 'claude',
    turns,
  }
}

export const object = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : [])
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''

/** RFC 3339, or seconds since 1970; null for what is neither. */
export const timeOf = (value: unknown): string | null => {
  const ms =
    typeof value === 'number'
      ? value * 1000
      : typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value)
        ? Date.parse(value)
        : Number.NaN
  return ms >= Date.parse('0001-01-01T00:00:00Z') && ms <= Date.parse('9999-12-31T23:59:59Z')
    ? new Date(ms).toISOString()
    : null
}
