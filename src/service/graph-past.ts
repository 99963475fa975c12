/**
 * The graph around a memory as of a time: from the documents, since no row tells of what was. What a link says of its validity counts as it does
 * for the rows (`src/projection/graph.ts`), and so does the order: nearest first, of one distance by the id.
 *
 * Breadth first, link by link in short turns. What it looks at is bounded: a graph behind more links than that is refused.
 */
import { endOfMs } from '../../crdt/hlc.ts'
import type { RecordId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { NodeError } from '../errors.ts'
import type { Frontier, FrontierForm, GraphAnswer, GraphQuery, LinkRow, MemoryRow } from '../ports/projection.ts'
import { columnText } from '../projection/column-text.ts'
import { graphNode } from '../projection/graph-node.ts'
import type { Reader } from './rows.ts'
import type { Turn } from './turns.ts'

/** Links looked at, at some 0.2 ms each, and memories, at 0.5 ms: 5 s, others having their turns. */
const LINKS_MAX = 16_384
const MEMORIES_MAX = 4_096
/** As a memory and a link count in a turn (`turns.ts`). */
const MEMORY_BYTES = 3_072
const LINK_BYTES = 2_048

type Context = {
  readonly reader: Reader
  readonly turn: () => Turn
  /** Makes the record's documents ready to be read. */ readonly ready: (id: RecordId) => Promise<void>
  readonly shows: (form: FrontierForm | undefined) => Promise<Frontier | string>
}
/** `as_of`: what was said by then; `valid_at`: links that hold then, by what they say. */
export type PastGraphQuery = Omit<GraphQuery, 'as_of'> & { readonly as_of: string; readonly valid_at: string }

/** `graph` has no nodes where the start was not visible then. */
export const createPastGraph =
  ({ reader, turn, ready, shows }: Context) =>
  async (query: PastGraphQuery, form: FrontierForm | undefined): Promise<GraphAnswer> => {
    const thenMs = Date.parse(query.as_of)
    const past = reader.asOf(endOfMs(thenMs))
    const working = turn()
    const limit = Math.min(limits.graph_nodes_max, Math.max(1, Math.floor(query.limit)))
    const depth = Math.min(limits.graph_depth_max, Math.max(0, Math.floor(query.depth)))
    const frontier = await shows(form)
    const memories = new Map<RecordId, MemoryRow | null>()
    const links = new Map<RecordId, LinkRow | null>()
    const refuse = (): never => {
      throw new NodeError(
        'too_large',
        `the graph as of a time would look at more than ${LINKS_MAX} links or ${MEMORIES_MAX} memories: ask for fewer steps, one relation or one direction`,
      )
    }

    const memory = async (id: RecordId): Promise<MemoryRow | null> => {
      const known = memories.get(id)
      if (known !== undefined) return known
      if (memories.size >= MEMORIES_MAX) refuse()
      await ready(id)
      await working.worked(MEMORY_BYTES)
      const row = past.memory(id)
      const isSeen =
        row !== null &&
        (row.expires_at === null || !(Date.parse(row.expires_at) <= thenMs)) &&
        (query.namespace === undefined || row.namespace === query.namespace)
      memories.set(id, isSeen ? row : null)
      return memories.get(id)!
    }
    const counts = linkCounts(query)
    const link = async (id: RecordId): Promise<LinkRow | null> => {
      const known = links.get(id)
      if (known !== undefined) return known
      if (links.size >= LINKS_MAX) refuse()
      await ready(id)
      await working.worked(LINK_BYTES)
      const row = past.link(id)
      links.set(id, row !== null && counts(row) ? row : null)
      return links.get(id)!
    }

    const depthById = new Map<RecordId, number>()
    let level: readonly RecordId[] = (await memory(query.from)) === null ? [] : [query.from]
    for (let steps = 0; level.length > 0; steps++) {
      for (const id of level) depthById.set(id, steps)
      if (steps === depth || depthById.size > limit) break
      const next = new Set<RecordId>()
      for (const id of level) {
        for (const one of [...reader.linkIdsOf(id)].sort()) {
          const row = await link(one)
          if (row === null) continue
          const ends = [
            ...(query.direction !== 'in' && row.from === id ? [row.to] : []),
            ...(query.direction !== 'out' && row.to === id ? [row.from] : []),
          ]
          for (const end of ends) if (!depthById.has(end) && (await memory(end)) !== null) next.add(end)
        }
      }
      level = [...next].sort()
    }
    const ids = [...depthById.keys()].slice(0, limit)
    const among = new Set(ids)
    const edges = new Map<RecordId, LinkRow>()
    for (const id of ids)
      for (const one of [...reader.linkIdsOf(id)].sort()) {
        const row = await link(one)
        if (row !== null && among.has(row.from) && among.has(row.to)) edges.set(row.id, row)
      }
    const shown = [...edges.values()].sort(
      (a, b) => Date.parse(a.created_at) - Date.parse(b.created_at) || (a.id < b.id ? -1 : 1),
    )
    return {
      nodes: ids.map((id) => graphNode(memories.get(id)!, depthById.get(id)!)),
      edges: shown.slice(0, limits.graph_edges_max),
      truncated: depthById.size > limit || shown.length > limits.graph_edges_max,
      at: null,
      frontier,
    }
  }

const linkCounts = ({ valid_at, relation, namespace }: PastGraphQuery): ((row: LinkRow) => boolean) => {
  const atMs = Date.parse(valid_at)
  return (row) =>
    !row.removed &&
    (row.valid_from === null || !(Date.parse(row.valid_from) > atMs)) &&
    (row.valid_until === null || atMs < Date.parse(row.valid_until)) &&
    (relation === undefined || columnText(row.relation) === columnText(relation)) &&
    (namespace === undefined || row.namespace === namespace)
}
