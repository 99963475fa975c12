/**
 * The profile `search`: the two tools, in the shape that ChatGPT's connectors ask for. Their text is the JSON of their structured answer.
 */
import { recordId } from '../input/ids.ts'
import { listOf, query, readFrom, text } from './fields.ts'
import { titleOf, uriOf } from './memory-resources.ts'
import { recalled, seeingOwn } from './reading.ts'
import { fenced, shownRow } from './show.ts'
import { object, READS, type Asked, type Told, type Tool } from './tool.ts'

const RESULTS = 10

const asJson = (data: Told['data']): Told => ({ text: JSON.stringify(data), data })

const search: Tool = {
  name: 'search',
  title: 'Search',
  description: 'Find memories by words or a question. Answers ids; fetch gives the text of one.',
  input: object({ query }),
  output: object({ results: listOf(object({ id: text, title: text, url: text })) }),
  hints: READS,
  async run(asked: Asked, { query: q }: { readonly query: string }) {
    const question = { q, limit: RESULTS, ...readFrom(asked, undefined) }
    const { memories } = await recalled(asked, question)
    return asJson({ results: memories.map((row) => ({ id: row.id, title: titleOf(row), url: uriOf(row) })) })
  },
}

const fetchTool: Tool = {
  name: 'fetch',
  title: 'Fetch',
  description: 'The whole text of a memory that search found, between tags with its author.',
  input: object({ id: { ...text, maxLength: 36 } }),
  output: object({ id: text, title: text, text, url: text, metadata: { type: 'object' } }),
  hints: READS,
  async run(asked: Asked, { id }: { readonly id: string }) {
    const { memory } = await seeingOwn(asked, (options) => asked.node.get(recordId(id), options))
    const { namespace, kind, tags, agent_id: author, created_at, version } = memory
    const whole = fenced([shownRow(memory, Number.MAX_SAFE_INTEGER)])
    return asJson({
      id: memory.id,
      title: titleOf(memory),
      text: whole,
      url: uriOf(memory),
      metadata: { namespace, kind, tags, author, created_at, version },
    })
  },
}

export const searchTools: readonly Tool[] = [search, fetchTool]
