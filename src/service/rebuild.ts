/**
 * Rebuilding the projection on request: rows dropped, made anew from the log, and their digest.
 *
 * It changes nothing that a rebuild by itself would not; for an operator who distrusts the rows, or has changed the database.
 */
import type { Node, RebuildAnswer } from '../api.ts'
import { NodeError } from '../errors.ts'
import { ProjectionFailure, type Projection } from '../ports/projection.ts'

type Progress = (done: number, total: number) => void
export type RebuildContext = {
  readonly projection: Pick<Projection, 'digest'>
  readonly feed: { rebuild(onProgress?: Progress): Promise<void> }
  readonly arrivals: () => number
  /** Ms that have passed since some moment. */
  readonly monotonic: () => number
}

export const createRebuild = ({ projection, feed, arrivals, monotonic }: RebuildContext): Node['rebuild'] => {
  let running: Promise<RebuildAnswer> | null = null
  const listeners = new Set<Progress>()
  const run = async (): Promise<RebuildAnswer> => {
    const from = monotonic()
    const commits = arrivals()
    await feed.rebuild((done, total) => {
      for (const listener of listeners) listener(done, total)
    })
    return { digest: (await projection.digest()).all, commits, ms: Math.round(monotonic() - from) }
  }
  return async (onProgress) => {
    if (onProgress !== undefined) listeners.add(onProgress)
    try {
      running ??= run().finally(() => {
        running = null
        listeners.clear()
      })
      return await running
    } catch (error) {
      if (error instanceof ProjectionFailure)
        throw new NodeError('projection_unavailable', error.message, { retry_after: 1 })
      throw error
    }
  }
}
