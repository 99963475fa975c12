/** The tools of the profile `full` that read memories in every way that the API does. */
import type { Change, Conflict } from '../api.ts'
import { limits } from '../../crdt/limits.ts'
import { agentFrom, recordId } from '../input/ids.ts'
import { utc } from '../input/keywords.ts'
import type { MemoryFilter, MemoryRow } from '../ports/projection.ts'
import {
  boolean,
  cursor,
  filterOf,
  from,
  id,
  integer,
  listOf,
  most,
  name,
  namespace,
  narrowing,
  query,
  text,
  textOrNull,
  time,
  tokens,
  TOKENS_DEFAULT,
  past,
  pastOf,
  writtenTo,
  type Narrowed,
  type Past,
} from './fields.ts'
import { titleOf } from './memory-resources.ts'
import { lagLine, recalled, seeingOwn } from './reading.ts'
import { graph, linkOf } from './full-graph.ts'
import { fenced, firstChars, NOTICE, shownRow, shownRows, shownSchema } from './show.ts'
import { moreLine, pageWithin, toldList } from './told.ts'
import { answer, object, READS, type Asked, type Tool } from './tool.ts'

type Wide = Narrowed & {
  readonly kinds?: readonly string[]
  readonly agent_id?: string
  readonly run_id?: string
  readonly tier?: string
  readonly limit?: number
  readonly max_tokens?: number
  readonly cursor?: string
}

const { kind: _one, ...shared } = narrowing
const wide = {
  ...shared,
  kinds: { type: 'array', maxItems: 16, items: name('a kind'), description: 'any of them' },
  agent_id: { ...name('only by this agent', 128) },
  run_id: name('only of this run'),
  tier: name('only of this tier'),
}
const wideFilter = (asked: Asked, { kinds, agent_id, run_id, tier, ...narrowed }: Wide): MemoryFilter => ({
  ...filterOf(asked, narrowed),
  ...(kinds === undefined ? {} : { kinds }),
  ...(agent_id === undefined ? {} : { agent_id: agentFrom(agent_id, 'agent_id') }),
  ...(run_id === undefined ? {} : { run_id }),
  ...(tier === undefined ? {} : { tier }),
})

const SEARCH_DEFAULT = 10
const searchMemories: Tool = {
  name: 'search_memories',
  title: 'Search memories',
  hints: READS,
  description:
    'Find memories by words or a question with every filter (author, run, tier, several kinds), and with explain why each was found. For everyday questions recall is shorter.',
  input: object({ query, limit: most(SEARCH_DEFAULT, 100), explain: boolean, max_tokens: tokens, ...wide, ...past }, [
    'query',
  ]),
  output: answer(
    { notice: text, memories: listOf(shownSchema), count: integer, more: integer, mode: text, lag: integer },
    ['memories'],
  ),
  async run(
    asked: Asked,
    {
      query: q,
      limit = SEARCH_DEFAULT,
      explain = false,
      max_tokens = TOKENS_DEFAULT,
      as_of,
      ...given
    }: Wide & Past & { readonly query: string; readonly explain?: boolean },
  ) {
    const { memories, mode, lag } = await recalled(asked, {
      q,
      limit,
      explain,
      ...wideFilter(asked, given),
      ...pastOf(as_of),
    })
    const rows = shownRows(memories, max_tokens)
    const why = rows.map((row, place) => ({ ...row, ...(explain ? { explain: memories[place]?.explain ?? {} } : {}) }))
    const parts = explain
      ? why.map((row) => ({
          facts: { what: 'why', id: row.id },
          text: JSON.stringify({ score: row.score, ...row.explain }),
        }))
      : []
    const more = memories.length - rows.length
    const told =
      rows.length === 0
        ? 'Nothing was found. Try other words, fewer filters, or namespace * for all projects.'
        : fenced(rows, parts)
    return {
      text: `${told}${more > 0 ? `\n(${more} more; ask with a larger max_tokens)` : ''}${lagLine(lag)}`,
      data: { notice: NOTICE, memories: why, count: rows.length, more, mode, lag },
    }
  },
}

const getMemory: Tool = {
  name: 'get_memory',
  title: 'All fields of a memory',
  hints: READS,
  description:
    'One memory with every field it has (metadata, tier, confidence, times, version, writer), links and conflicts counted. get is shorter where the text is all you need.',
  input: object({ id, ...past }, ['id']),
  output: answer({ notice: text, memory: { type: 'object' }, links: integer, conflicts: integer }, ['memory']),
  async run(asked: Asked, { id: record, as_of }: Past & { readonly id: string }) {
    const { memory, links, links_next_cursor } = await seeingOwn(asked, (options) =>
      asked.node.get(recordId(record), { ...options, ...pastOf(as_of) }),
    )
    const { content: _content, title: _title, ...rest } = memory
    const many = links_next_cursor === null ? '' : ' or more; links lists them'
    return {
      text: `${fenced([shownRow(memory, Number.MAX_SAFE_INTEGER)], [{ facts: { what: 'all fields', id: memory.id, author: memory.agent_id }, text: JSON.stringify(rest) }])}\n(${links.length} links${many}; ${memory.conflicts} fields with values side by side)`,
      data: { notice: NOTICE, memory, links: links.length, conflicts: memory.conflicts },
    }
  },
}

const IDS_DEFAULT = 100
const listMemoryIds: Tool = {
  name: 'list_memory_ids',
  title: 'Ids of memories',
  hints: READS,
  description: 'Ids alone, newest first, by pages: to count, compare or walk through all. To read memories use list.',
  input: object({ limit: most(IDS_DEFAULT, limits.list_limit_max), cursor, ...wide, ...past }, []),
  output: answer({ ids: listOf(text), count: integer, next_cursor: textOrNull, lag: integer }, ['ids', 'next_cursor']),
  async run(asked: Asked, { limit = IDS_DEFAULT, cursor: at, as_of, ...given }: Wide & Past) {
    const { rows, next_cursor, lag } = await seeingOwn(asked, (options) =>
      asked.node.list(wideFilter(asked, given), { limit, ...from(at), ...pastOf(as_of) }, options),
    )
    const ids = rows.map((row) => row.id)
    return {
      text: `${ids.length === 0 ? 'There are none.' : ids.join('\n')}${moreLine(next_cursor)}${lagLine(lag)}`,
      data: { ids, count: ids.length, next_cursor, lag },
    }
  },
}

const TIMELINE_DEFAULT = 50
const timeline: Tool = {
  name: 'timeline',
  title: 'Timeline',
  hints: READS,
  description:
    'What was remembered when: one line a memory, newest first, with author and kind. For a survey of a day, a run or an agent; for the texts use list.',
  input: object({ limit: most(TIMELINE_DEFAULT, 200), cursor, max_tokens: tokens, ...wide, ...past }, []),
  output: answer(
    { notice: text, entries: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull, lag: integer },
    ['entries', 'next_cursor'],
  ),
  async run(
    asked: Asked,
    { limit = TIMELINE_DEFAULT, cursor: at, max_tokens = TOKENS_DEFAULT, as_of, ...given }: Wide & Past,
  ) {
    const filter = wideFilter(asked, given)
    const { items: entries, page } = await pageWithin(
      limit,
      max_tokens,
      (so) =>
        seeingOwn(asked, (options) => asked.node.list(filter, { limit: so, ...from(at), ...pastOf(as_of) }, options)),
      entryOf,
    )
    const { next_cursor, lag } = page
    return toldList(
      'timeline',
      entries,
      'Nothing was remembered in that time.',
      `${moreLine(next_cursor)}${lagLine(lag)}`,
      { entries, count: entries.length, next_cursor, lag },
    )
  },
}
const entryOf = (row: MemoryRow) => ({
  at: row.created_at,
  ...(row.occurred_at === null ? {} : { occurred_at: row.occurred_at }),
  id: row.id,
  kind: row.kind,
  author: row.agent_id,
  namespace: row.namespace,
  title: firstChars(titleOf(row), 160),
})

const PAGE_DEFAULT = 50
type OfOne = { readonly id: string; readonly limit?: number; readonly cursor?: string; readonly max_tokens?: number }
const ofOne = object({ id, limit: most(PAGE_DEFAULT, limits.list_limit_max), cursor, max_tokens: tokens }, ['id'])

const conflicts: Tool = {
  name: 'conflicts',
  title: 'Values side by side',
  hints: READS,
  description:
    'Fields of a memory that several wrote at once, with every value, its author and event id. resolve settles one.',
  input: ofOne,
  output: answer({ notice: text, conflicts: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull }, [
    'conflicts',
    'next_cursor',
  ]),
  async run(asked: Asked, { id: record, limit = PAGE_DEFAULT, cursor: at, max_tokens = TOKENS_DEFAULT }: OfOne) {
    const {
      items,
      page: { next_cursor },
    } = await pageWithin(
      limit,
      max_tokens,
      (so) =>
        seeingOwn(asked, (options) => asked.node.conflicts(recordId(record), { ...options, limit: so, ...from(at) })),
      conflictOf,
    )
    return toldList('values side by side', items, 'No field has more than one value.', moreLine(next_cursor), {
      conflicts: items,
      count: items.length,
      next_cursor,
    })
  },
}
const VALUE_CHARS_MAX = 1_000
const shortly = (value: unknown): unknown => {
  const all = typeof value === 'string' ? value : JSON.stringify(value)
  return all.length <= VALUE_CHARS_MAX ? value : `${firstChars(all, VALUE_CHARS_MAX)}…`
}
const conflictOf = ({ field, values }: Conflict) => ({
  field,
  values: values.map(({ value, event_id, agent_id, at, shown }) => ({
    value: shortly(value),
    event_id,
    author: agent_id,
    at,
    shown,
  })),
})

const links: Tool = {
  name: 'links',
  title: 'Links of a memory',
  hints: READS,
  description: 'How a memory relates to others, both ways, by pages. To follow links farther than one step use graph.',
  input: ofOne,
  output: answer({ notice: text, links: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull }, [
    'links',
    'next_cursor',
  ]),
  async run(asked: Asked, { id: record, limit = PAGE_DEFAULT, cursor: at, max_tokens = TOKENS_DEFAULT }: OfOne) {
    const {
      items,
      page: { next_cursor },
    } = await pageWithin(
      limit,
      max_tokens,
      (so) => seeingOwn(asked, (options) => asked.node.links(recordId(record), { ...options, limit: so, ...from(at) })),
      linkOf,
    )
    return toldList('links', items, 'It has no links.', moreLine(next_cursor), {
      links: items,
      count: items.length,
      next_cursor,
    })
  },
}
type DiffAsked = {
  readonly namespace?: string
  readonly from: string
  readonly to?: string
  readonly limit?: number
  readonly cursor?: string
  readonly max_tokens?: number
}
const changesBetween: Tool = {
  name: 'changes',
  title: 'What changed between two times',
  hints: READS,
  description:
    'Which memories of a namespace were added, changed or removed between two times, with the lines that changed. For one memory use history; for all that was said use events.',
  input: object(
    {
      namespace,
      from: time('as it was then'),
      to: time('against then; now unless given'),
      limit: most(PAGE_DEFAULT, limits.list_limit_max),
      cursor,
      max_tokens: tokens,
    },
    ['from'],
  ),
  output: answer({ notice: text, changes: listOf({ type: 'object' }), count: integer, next_cursor: textOrNull }, [
    'changes',
    'next_cursor',
  ]),
  async run(
    asked: Asked,
    { namespace: given, from: start, to, limit = PAGE_DEFAULT, cursor: at, max_tokens = TOKENS_DEFAULT }: DiffAsked,
  ) {
    const between = { from: utc(start), ...(to === undefined ? {} : { to: utc(to) }) }
    const {
      items,
      page: { next_cursor },
    } = await pageWithin(
      limit,
      max_tokens,
      (so) =>
        seeingOwn(asked, (options) =>
          asked.node.diff(writtenTo(asked, given), between, { ...options, limit: so, ...from(at) }),
        ),
      changeOf,
    )
    return toldList(
      'changes',
      items,
      next_cursor === null ? 'Nothing changed.' : 'Nothing changed as far as this page looked.',
      moreLine(next_cursor),
      { changes: items, count: items.length, next_cursor },
    )
  },
}
const DIFF_CHARS_MAX = 2_000
const changeOf = ({ id: of, change, title: name_, agent_id, at, fields, diff }: Change) => ({
  id: of,
  change,
  title: name_,
  author: agent_id,
  at,
  fields,
  diff: Object.fromEntries(
    Object.entries(diff).map(([field, lines]) => [
      field,
      lines.length > DIFF_CHARS_MAX ? `${firstChars(lines, DIFF_CHARS_MAX)}…` : lines,
    ]),
  ),
})

export const fullReads: readonly Tool[] = [
  changesBetween,
  searchMemories,
  getMemory,
  listMemoryIds,
  timeline,
  conflicts,
  links,
  graph,
]
