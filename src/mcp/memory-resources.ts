/** Memories by their addresses: `memory://{namespace}/{id}`. */
import { recordId } from '../input/ids.ts'
import type { MemoryRow } from '../ports/projection.ts'
import { readFrom } from './fields.ts'
import { seeingOwn } from './reading.ts'
import type { Listed, Resources } from './resource.ts'
import { fenced, firstChars, shownRow } from './show.ts'

const SCHEME = 'memory://'
const MIME_TYPE = 'text/plain'
const PAGE = 50
const TITLE_CHARS_MAX = 80

export const uriOf = ({ namespace, id }: Pick<MemoryRow, 'namespace' | 'id'>): string => `${SCHEME}${namespace}/${id}`
export const titleOf = ({ title, content }: MemoryRow): string =>
  title ?? firstChars((content ?? '').split('\n')[0] ?? '', TITLE_CHARS_MAX)

const listed = (row: MemoryRow): Listed => ({
  name: row.id,
  title: titleOf(row),
  uri: uriOf(row),
  description: `${row.kind} by ${row.agent_id}, ${row.created_at}`,
  mimeType: MIME_TYPE,
})

export const memoryResources: Resources = {
  templates: [
    {
      name: 'memory',
      title: 'A memory',
      uriTemplate: `${SCHEME}{+namespace}/{id}`,
      description: 'One memory, between tags with its author',
      mimeType: MIME_TYPE,
    },
  ],
  list: async (asked, cursor) => {
    const page = { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }
    const { rows, next_cursor } = await seeingOwn(asked, (options) =>
      asked.node.list(readFrom(asked, undefined), page, options),
    )
    return { resources: rows.map(listed), next_cursor }
  },
  read: async (asked, uri) => {
    const at = uri.lastIndexOf('/')
    if (!uri.startsWith(SCHEME) || at < SCHEME.length) return null
    const { memory } = await seeingOwn(asked, (options) => asked.node.get(recordId(uri.slice(at + 1)), options))
    return uriOf(memory) === uri
      ? { mimeType: MIME_TYPE, text: fenced([shownRow(memory, Number.MAX_SAFE_INTEGER)]) }
      : null
  },
  complete: async (asked, { variable, beginning }) => {
    if (variable !== 'namespace') return []
    const { rows } = await asked.node.namespaces({})
    return rows.map(({ namespace }) => namespace).filter((namespace) => namespace.startsWith(beginning))
  },
}
