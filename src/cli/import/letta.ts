/**
 * Letta's agent files (`.af`): the blocks of an agent's core memory, a memory each, and its messages, a memory for each question.
 *
 * Tools, models and settings are no memories; they are counted. Source: the serialised agent of github.com/letta-ai/agent-file.
 */
import { limits } from '../../../crdt/limits.ts'
import type { FileBytes } from './archive.ts'
import { list, type Message, object, textOf, timeOf, turnItems } from './conversations.ts'
import { parseExact } from './exact-json.ts'
import { type ImportSource, keyOf, type MemoryItem, type ProblemItem } from './item.ts'
import { fitLine } from './split.ts'

/** @param file of at most `import_file_bytes_max`: it is read whole. */
export const lettaSource = (file: FileBytes): ImportSource => {
  const skipped = new Map<string, number>()
  const skip = (reason: string): void => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  let read = 0
  return {
    format: 'letta',
    unit: 'bytes',
    total: file.size,
    done: () => read,
    skipped,
    hint: 'an agent file has "agents" with "blocks" and "messages"',
    async *memories() {
      const chunks: Uint8Array[] = []
      for await (const chunk of await file.open()) chunks.push(chunk)
      read = file.size
      const value = parsed(
        Buffer.concat(chunks)
          .toString('utf8')
          .replace(/^\ufeff/, ''),
      )
      if (value === null)
        yield { kind: 'problem', where: file.name, message: 'not JSON; export the agent again' } satisfies ProblemItem
      else yield* agentItems(value, file.name, skip)
    },
  }
}

const parsed = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    return object(parseExact(text).value)
  } catch {
    return null
  }
}

function* agentItems(
  value: Readonly<Record<string, unknown>>,
  where: string,
  skip: (reason: string) => void,
): Generator<MemoryItem> {
  // One agent is a file of its own in the first form of the format.
  const agents = 'agents' in value ? list(value['agents']).map(object) : [value]
  for (const name of ['tools', 'sources', 'files', 'mcp_servers'])
    for (const _one of list(value[name])) skip(`${name.replace(/s$/, '').replace('_', ' ')} of the agent`)
  const shared = 'agents' in value ? list(value['blocks']) : []
  for (const block of shared) yield* blockItem(object(block), textOf(agents[0]?.['name']), where, skip)
  for (const agent of agents) {
    const name = textOf(agent['name'])
    for (const block of [
      ...list(agent['core_memory']),
      ...list(object(agent['memory'])['blocks']),
      ...('agents' in value ? [] : list(agent['blocks'])),
    ])
      yield* blockItem(object(block), name, where, skip)
    const turns: Message[][] = []
    for (const [n, each] of list(agent['messages']).entries()) {
      const message = object(each)
      const role = textOf(message['role'])
      const content = message['content'] ?? message['text']
      const text = (
        typeof content === 'string'
          ? content
          : list(content)
              .map((part) => textOf(object(part)['text']))
              .join('\n\n')
      ).trim()
      if (text === '' || role === 'system' || role === 'tool') {
        skip(text === '' ? 'message without a text' : `${role} message`)
        continue
      }
      const said: Message = {
        id: textOf(message['id']) || String(n),
        role,
        text,
        at: timeOf(message['created_at']) ?? timeOf(message['date']),
      }
      const turn = turns.at(-1)
      if (role === 'user' || turn === undefined) turns.push([said])
      else turn.push(said)
    }
    if (turns.length > 0)
      yield* turnItems({ id: textOf(agent['id']) || name, title: name, from: 'letta', turns }, where, skip)
  }
}

function* blockItem(
  block: Readonly<Record<string, unknown>>,
  agent: string,
  where: string,
  skip: (reason: string) => void,
): Generator<MemoryItem> {
  const [label, value] = [textOf(block['label']), textOf(block['value'])]
  if (value.trim() === '') {
    skip('empty block')
    return
  }
  const description = textOf(block['description'])
  const metadata = {
    agent,
    label,
    ...(description === '' ? {} : { description }),
    ...(Object.keys(object(block['metadata'])).length === 0 ? {} : { metadata: block['metadata'] }),
  }
  yield {
    kind: 'memory',
    where,
    key: keyOf('letta', 'block', textOf(block['id']) || `${agent}/${label}`, value),
    draft: {
      content: value,
      kind: 'block',
      tags: ['letta'],
      source: 'letta',
      ...(label === '' ? {} : { title: fitLine(label, limits.title_bytes_max) }),
      metadata,
    },
  }
}
