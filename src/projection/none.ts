/**
 * The projection of a peer that has none (`--projection none`): it replicates and answers single memories from its documents, and
 * says of every list and search how to get one. The cursor moves, in memory, so that causal reads go on.
 */
import { ProjectionFailure, type Projection, type ProjectionCursor } from '../ports/projection.ts'
import { isAhead } from './cursor.ts'

export const createNoProjection = (): Projection => {
  let cursor: ProjectionCursor | null = null
  const absent = (): Promise<never> =>
    Promise.reject(
      new ProjectionFailure(
        'this peer has no projection, so it cannot list or search; start it with --projection pglite or --projection postgres://…, or ask another peer',
      ),
    )
  return {
    open: async () => cursor,
    apply: async (batch) => {
      if (isAhead(batch, cursor)) cursor = batch.cursor
    },
    arrivedOf: async () => [],
    reset: async () => {
      cursor = null
    },
    unfinished: async () => false,
    // It has no rows that could serve meanwhile.
    begin: async () => (cursor = null),
    applyNext: async (batch) => {
      if (isAhead(batch, cursor)) cursor = batch.cursor
    },
    takeOver: async () => undefined,
    list: absent,
    recall: absent,
    links: absent,
    graph: absent,
    abilities: async () => ({ age: null, lacks: [] }),
    episodes: absent,
    namespaces: absent,
    stats: absent,
    digest: absent,
    close: async () => undefined,
  }
}
