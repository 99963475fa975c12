/** A memory as a node of the graph: what names it, and how its text begins. */
import { limits } from '../../crdt/limits.ts'
import type { GraphNode, MemoryRow } from '../ports/projection.ts'

export const graphNode = (row: MemoryRow, depth: number): GraphNode => {
  const { id, namespace, title, kind, tier, tags, run_id, occurred_at, agent_id, peer_id, created_at } = row
  const excerpt =
    row.content === null
      ? null
      : Array.from(row.content.slice(0, 2 * limits.graph_excerpt_letters))
          .slice(0, limits.graph_excerpt_letters)
          .join('')
  return { id, namespace, title, kind, tier, tags, run_id, occurred_at, agent_id, peer_id, created_at, depth, excerpt }
}
