/**
 * Drops the projection of a stopped peer and makes it anew from its log.
 */
import { limits } from '../../crdt/limits.ts'
import { createWebSocketDialer, systemTimers, zlibCompression } from '../../transports/websocket.ts'
import type { RebuildAnswer } from '../api.ts'
import { requireIdentity } from '../membership/folder.ts'
import { createPeer } from '../peer.ts'
import type { Random } from '../ports/clock.ts'
import { openLevelStore } from '../store/level.ts'
import { VERSION } from '../version.ts'
import { kindOf, projectionOf, type ProjectionOptions } from './projection.ts'

type RebuildOptions = ProjectionOptions & {
  readonly random: Random
  readonly onProgress?: (done: number, total: number) => void
}

/** @throws NodeError, StoreFailure with a line that names cause and mend. */
export const rebuildFolder = async ({ random, onProgress, ...options }: RebuildOptions): Promise<RebuildAnswer> => {
  const identity = await requireIdentity(options.dir)
  const store = await openLevelStore(options.dir, { random })
  const told = (_fields: unknown, message: string): void => options.log(message)
  const ignored = (): void => undefined
  // A peer that is never started: it dials nobody, and nobody can reach it.
  const peer = await createPeer({
    identity,
    store,
    projection: projectionOf(options, identity),
    projectionKind: kindOf(options.projection),
    timers: systemTimers,
    monotonic: () => performance.now(),
    random,
    dialer: createWebSocketDialer(systemTimers),
    compression: zlibCompression,
    peers: [],
    quorum: null,
    quorumTimeoutMs: limits.quorum_timeout_ms_default,
    version: VERSION,
    log: { debug: ignored, info: ignored, warn: told, error: told },
    live: () => ({}),
  })
  try {
    return await peer.node.rebuild(onProgress)
  } finally {
    await peer.stop()
  }
}
