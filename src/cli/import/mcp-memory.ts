/**
 * The file of the reference MCP memory server: one JSON object a line, `{"type":"entity","name","entityType",
 * "observations":[…]}` or `{"type":"relation","from","to","relationType"}`.
 *
 * An entity is a memory (`src/input/entity.ts`), as the `graph` tools of MCP read it; a relation is a link.
 * Source: github.com/modelcontextprotocol/servers, src/memory/index.ts.
 */
import { entityDraft } from '../../input/entity.ts'
import { jsonLines, type JsonLine } from './json-lines.ts'
import { type ImportSource, keyOf, type LinkItem, type MemoryItem, type ProblemItem, stableJson } from './item.ts'

/** @param size of the file in bytes. */
export const mcpMemorySource = (path: string, size: number): ImportSource => {
  let read = 0
  return {
    format: 'mcp-memory',
    unit: 'bytes',
    total: size,
    done: () => read,
    async *memories() {
      for await (const line of jsonLines(path, (bytes) => (read = bytes))) {
        if (line.kind !== 'line') yield line
        else if (line.value['type'] === 'entity') yield entityOf(line)
        else if (line.value['type'] !== 'relation')
          yield {
            kind: 'problem',
            where: line.where,
            message: 'neither an entity nor a relation; "type" must be one of them',
          }
      }
    },
    async *links() {
      for await (const line of jsonLines(path, () => undefined))
        if (line.kind === 'line' && line.value['type'] === 'relation') yield relationOf(line)
    },
  }
}

const entityOf = ({ where, value }: JsonLine): MemoryItem | ProblemItem => {
  const { name, entityType, observations } = value
  if (typeof name !== 'string' || name === '') return { kind: 'problem', where, message: 'an entity without a name' }
  const texts = (Array.isArray(observations) ? (observations as readonly unknown[]) : []).map((text) =>
    typeof text === 'string' ? text : JSON.stringify(text),
  )
  const draft = entityDraft({ name, entityType: typeof entityType === 'string' ? entityType : '', observations: texts })
  return { kind: 'memory', draft, key: keyOf('mcp-memory', stableJson(draft)), where, name }
}

const relationOf = ({ where, value }: JsonLine): LinkItem | ProblemItem => {
  const { from, to, relationType } = value
  if (typeof from !== 'string' || typeof to !== 'string' || typeof relationType !== 'string' || relationType === '') {
    return { kind: 'problem', where, message: 'a relation needs "from", "to" and "relationType"' }
  }
  return { kind: 'link', where, from, to, relation: relationType }
}
