/** The tools of the profile `core` that read: recall, get, list, history. */
import type { Conflict, Version } from '../api.ts'
import { recordId } from '../input/ids.ts'
import type { LinkRow } from '../ports/projection.ts'
import {
  cursor,
  filterOf,
  id,
  integer,
  listOf,
  narrowing,
  query,
  text,
  textOrNull,
  tokens,
  TOKENS_DEFAULT,
  type Narrowed,
} from './fields.ts'
import { lagLine, recalled, seeingOwn } from './reading.ts'
import { fenced, firstChars, NOTICE, shownRow, shownRows, shownSchema, type Part } from './show.ts'
import { answer, object, READS, type Asked, type Tool } from './tool.ts'

const memories = listOf(shownSchema)
type Bounded = Narrowed & { readonly limit?: number; readonly max_tokens?: number }

const RECALL_DEFAULT = 8
const recall: Tool = {
  name: 'recall',
  title: 'Recall',
  description:
    'Find what is remembered about a question, best first. Use it when a task begins, and before you ask the user ' +
    'for what they may have told already. For the latest, or all of a kind, use list.',
  input: object({ query, limit: { type: 'integer', minimum: 1, maximum: 50 }, max_tokens: tokens, ...narrowing }, [
    'query',
  ]),
  output: answer({ notice: text, memories, count: integer, more: integer, mode: text, lag: integer }, ['memories']),
  hints: READS,
  async run(asked: Asked, args: Bounded & { readonly query: string }) {
    const { query: q, limit = RECALL_DEFAULT, max_tokens = TOKENS_DEFAULT, ...narrowed } = args
    const question = { q, limit, ...filterOf(asked, narrowed) }
    const found = await recalled(asked, question)
    const { mode, lag } = found
    const rows = shownRows(found.memories, max_tokens)
    const more = found.memories.length - rows.length
    const told =
      rows.length === 0
        ? 'Nothing is remembered about that. Try other words, or namespace * for all projects.'
        : fenced(rows)
    const rest = more > 0 ? `\n(${more} more; ask with a larger max_tokens)` : ''
    return {
      text: `${told}${rest}${lagLine(lag)}`,
      data: { notice: NOTICE, memories: rows, count: rows.length, more, mode, lag },
    }
  },
}

const LINKS_SHOWN_MAX = 50
const VALUES_SHOWN_MAX = 10
const VALUE_CHARS_MAX = 1_000
const get: Tool = {
  name: 'get',
  title: 'One memory',
  description: 'One memory, whole, with its links, and with values that stand side by side because two wrote at once.',
  input: object({ id }),
  output: answer(
    { notice: text, memory: shownSchema, links: listOf({ type: 'object' }), conflicts: listOf({ type: 'object' }) },
    ['memory'],
  ),
  hints: READS,
  async run(asked: Asked, { id: record }: { readonly id: string }) {
    const { memory, links, conflicts } = await seeingOwn(asked, (options) => asked.node.get(recordId(record), options))
    const row = shownRow(memory, Number.MAX_SAFE_INTEGER)
    const arrows = links.slice(0, LINKS_SHOWN_MAX).map(arrowOf)
    const values = conflicts.flatMap(valuesOf).slice(0, VALUES_SHOWN_MAX)
    const parts = [
      ...arrows.map((link): Part => ({ facts: { ...link, what: 'link' }, text: '' })),
      ...values.map(valuePart),
    ]
    const settle =
      values.length === 0 ? '' : '\n(Several wrote at once; update with the value that is right settles it.)'
    const forgotten = memory.forgotten ? '\n(It is forgotten: recall and list pass over it.)' : ''
    return {
      text: `${fenced([row], parts)}${settle}${forgotten}`,
      data: { notice: NOTICE, memory: row, links: arrows, conflicts: values },
    }
  },
}

const arrowOf = ({ from, to, relation, agent_id }: LinkRow) => ({ from, to, relation, author: agent_id })
type Value = {
  readonly field: string
  readonly value: string
  readonly author: string
  readonly at: string
  readonly shown: boolean
}
const valuesOf = ({ field, values }: Conflict): readonly Value[] =>
  values.map(({ value, agent_id, at, shown }) => ({ field, value: shortly(value), author: agent_id, at, shown }))
const valuePart = ({ field, value, author, at, shown }: Value): Part => ({
  facts: { what: `value of ${field}${shown ? ', shown' : ''}`, author, at },
  text: value,
})
const shortly = (value: unknown, chars = VALUE_CHARS_MAX): string => {
  const all = typeof value === 'string' ? value : JSON.stringify(value)
  return all.length > chars ? `${firstChars(all, chars)}…` : all
}

const LIST_DEFAULT = 20
const list: Tool = {
  name: 'list',
  title: 'List memories',
  description: 'Memories by time, newest first, a page at a time. For what bears on a question use recall.',
  input: object({ limit: { type: 'integer', minimum: 1, maximum: 100 }, cursor, max_tokens: tokens, ...narrowing }, []),
  output: answer({ notice: text, memories, count: integer, next_cursor: textOrNull, lag: integer }, [
    'memories',
    'next_cursor',
  ]),
  hints: READS,
  async run(asked: Asked, args: Bounded & { readonly cursor?: string }) {
    const { limit = LIST_DEFAULT, cursor: from, max_tokens = TOKENS_DEFAULT, ...narrowed } = args
    const filter = filterOf(asked, narrowed)
    const ask = (most: number) =>
      seeingOwn(asked, (options) =>
        asked.node.list(filter, { limit: most, ...(from === undefined ? {} : { cursor: from }) }, options),
      )
    let page = await ask(limit)
    const rows = shownRows(page.rows, max_tokens)
    // A shorter page has a cursor of its own, so nothing that does not fit is passed over.
    if (rows.length < page.rows.length) page = await ask(rows.length)
    const { next_cursor, lag } = page
    const told = rows.length === 0 ? 'Nothing is remembered here.' : fenced(rows)
    const rest = next_cursor === null ? '' : `\n(more: cursor ${next_cursor})`
    return {
      text: `${told}${rest}${lagLine(lag)}`,
      data: { notice: NOTICE, memories: rows, count: rows.length, next_cursor, lag },
    }
  },
}

const VERSIONS_A_PAGE = 20
const OLD_VALUE_CHARS_MAX = 300
const history: Tool = {
  name: 'history',
  title: 'History of a memory',
  description: 'Who changed what of a memory, and when, oldest first.',
  input: object({ id, cursor }, ['id']),
  output: answer({ notice: text, versions: listOf({ type: 'object' }), next_cursor: textOrNull }, [
    'versions',
    'next_cursor',
  ]),
  hints: READS,
  async run(asked: Asked, { id: record, cursor: from }: { readonly id: string; readonly cursor?: string }) {
    const page = { limit: VERSIONS_A_PAGE, ...(from === undefined ? {} : { cursor: from }) }
    const { rows, next_cursor } = await seeingOwn(asked, (options) =>
      asked.node.history(recordId(record), { ...options, ...page }),
    )
    const versions = rows.map(versionOf)
    const told = fenced(
      [],
      versions.map(({ set, ...facts }): Part => ({
        facts,
        text: Object.entries(set)
          .map(([field, value]) => `${field}: ${value}`)
          .join('\n'),
      })),
    )
    return {
      text: next_cursor === null ? told : `${told}\n(more: cursor ${next_cursor})`,
      data: { notice: NOTICE, versions, next_cursor },
    }
  },
}

const versionOf = ({ event_id, kind, agent_id, at, set, tags }: Version) => {
  const changed = { ...set, ...(tags === undefined ? {} : { tags: { added: tags.add, removed: tags.remove } }) }
  return {
    event_id,
    what: kind,
    author: agent_id,
    at,
    set: Object.fromEntries(
      Object.entries(changed).map(([field, value]) => [field, shortly(value, OLD_VALUE_CHARS_MAX)]),
    ),
  }
}

export const coreReads: readonly Tool[] = [recall, get, list, history]
