/**
 * Reach: which members' acks can come now, over a link that is open and not silent.
 *
 * A link that was just lost may be back at once, and after a start none is there yet: for so long nothing is concluded from it.
 * Only delays a conclusion; who is reached decides nothing but when a wait that cannot end well ends.
 */
import type { PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

export type Reach = {
  readonly linked: ReadonlySet<PeerId>
  /** The log has been read, links are about to be dialed. */
  started(nowMs: number): void
  changed(peer: PeerId, reachable: boolean, nowMs: number): void
  /** Whoever is not reached has not been for long enough to count as away. A clock that was put back begins the grace anew. */
  isSure(nowMs: number): boolean
}

export const createReach = (): Reach => {
  const linked = new Set<PeerId>()
  let sureAtMs = Number.NEGATIVE_INFINITY
  return {
    linked,
    started: (nowMs) => {
      sureAtMs = nowMs + limits.reach_start_ms
    },
    changed: (peer, reachable, nowMs) => {
      if (reachable) linked.add(peer)
      else if (linked.delete(peer)) sureAtMs = Math.max(sureAtMs, nowMs + limits.reach_lost_ms)
    },
    isSure: (nowMs) => {
      if (sureAtMs - nowMs > limits.reach_start_ms) sureAtMs = nowMs + limits.reach_start_ms
      return nowMs >= sureAtMs
    },
  }
}
