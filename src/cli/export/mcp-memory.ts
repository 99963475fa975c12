/**
 * A namespace as the file of the reference MCP memory server: entities first, then relations between them.
 *
 * Entities are called by their titles; of two with one title the later has its id's end beside it, and one without a title is called by its id.
 */
import { observationsOf } from '../../input/entity.ts'
import type { LinkRow, MemoryRow } from '../../sdk/answers.ts'

export const entityName = ({ id, title }: Pick<MemoryRow, 'id' | 'title'>, taken: ReadonlySet<string>): string => {
  const name = title ?? id
  return taken.has(name) ? `${name} (${id.slice(-12)})` : name
}

export const entityLine = (row: MemoryRow, name: string): string => {
  const type = row.metadata['entityType']
  return `${JSON.stringify({ type: 'entity', name, entityType: typeof type === 'string' ? type : row.kind, observations: observationsOf(row.content ?? '', row.title ?? name) })}\n`
}

/** Null where an end is not in the namespace. */
export const relationLine = ({ from, to, relation }: LinkRow, nameById: ReadonlyMap<string, string>): string | null => {
  const [start, end] = [nameById.get(from), nameById.get(to)]
  return start === undefined || end === undefined
    ? null
    : `${JSON.stringify({ type: 'relation', from: start, to: end, relationType: relation })}\n`
}
