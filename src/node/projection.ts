/**
 * Which search index a peer's options name: none, the embedded database in its folder, or a schema on a server.
 */
import { join } from 'node:path'
import { systemTimers } from '../../transports/websocket.ts'
import type { Identity } from '../membership/folder.ts'
import type { VectorStore } from '../ports/embedding.ts'
import type { Projection, Rest } from '../ports/projection.ts'
import { createNoProjection } from '../projection/none.ts'
import { openProjection } from '../projection/projection.ts'
import { createResting } from '../projection/resting.ts'
import { limits } from '../../crdt/limits.ts'

export type ProjectionOptions = {
  /** The peer's folder. */
  readonly dir: string
  /** `pglite`, `none`, or `postgres://…`. */
  readonly projection: string
  /** Whether a graph in Apache AGE is kept in that database. */
  readonly age?: boolean
  /** Seconds without a question or a write after which an embedded database is let go; never when absent. */
  readonly projection_idle_s?: number
  readonly log: (line: string) => void
}

/** As health shows it. */
export const kindOf = (projection: string): string => (projection.startsWith('postgres') ? 'postgres' : projection)

export const folderOfRows = (dir: string): string => join(dir, 'projection')
/** On a server each peer has its own. */
export const schemaOf = ({ peer }: Pick<Identity, 'peer'>): string => `mnemesh_${peer.slice(0, 16)}`

export const projectionOf = (
  options: ProjectionOptions,
  identity: Identity,
): Projection | (Projection & VectorStore) | (Projection & VectorStore & Rest) => {
  if (options.projection === 'none') return createNoProjection()
  const age = options.age ?? false
  const choice =
    options.projection === 'pglite'
      ? { kind: 'pglite' as const, dir: folderOfRows(options.dir), age }
      : { kind: 'postgres' as const, url: options.projection, schema: schemaOf(identity), age }
  const make = (): Projection & VectorStore =>
    openProjection(choice, { clock: systemTimers, timers: systemTimers, log: options.log })
  const idle = options.projection_idle_s
  return idle === undefined || choice.kind !== 'pglite'
    ? make()
    : createResting(make, {
        timers: systemTimers,
        idleMs: idle * 1_000,
        backlogMs: limits.projection_rest_backlog_ms,
        log: options.log,
      })
}
