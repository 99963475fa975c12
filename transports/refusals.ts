/**
 * What one side refuses of the other's commits, told by name (PROTOCOL RF1–RF5): how much of it a link tells, and listens to.
 *
 * A word about a commit, no proof: it decides nothing but how long somebody waits for an ack that will not come. What is left out beyond
 * the bound is refused again when the commit comes again.
 */
import type { PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { MeshHost, RefusedCommit } from './host.ts'
import type { Message } from './messages.ts'

/** A reason's name. Which there are is open: a later build refuses for reasons that this one does not know. */
export const REASON_NAME = /^[a-z][a-z0-9_]*$/

export type Refusals = { tell(refused: readonly RefusedCommit[]): void; heard(refused: readonly RefusedCommit[]): void }

export type RefusalsOptions = {
  readonly host: Pick<MeshHost, 'receiveRefused'>
  readonly peer: PeerId
  /** Whether the other side's build knows the frame: else it would close the link. */
  readonly takes: boolean
  readonly send: (message: Message) => void
  readonly count: (name: string, by: number) => void
  readonly now: () => number
}

export const createRefusals = ({ host, peer, takes, send, count, now }: RefusalsOptions): Refusals => {
  const [told, heard] = [createMeter(), createMeter()]
  return {
    tell: (refused) => {
      const telling = takes ? refused.slice(0, told(refused.length, now())) : []
      count('refusals_out', telling.length)
      for (let at = 0; at < telling.length; at += limits.refusals_per_frame_max)
        send({ type: 'refused', refused: telling.slice(at, at + limits.refusals_per_frame_max) })
    },
    heard: (refused) => {
      const hearing = refused.slice(0, heard(refused.length, now()))
      count('refusals_in', hearing.length)
      if (hearing.length > 0) host.receiveRefused(peer, hearing)
    },
  }
}

/** How many of so many may pass now. */
const createMeter = (): ((count: number, nowMs: number) => number) => {
  let interval = { sinceMs: Number.NEGATIVE_INFINITY, passed: 0 }
  return (count, nowMs) => {
    // A clock that was put back begins the interval anew.
    if (nowMs - interval.sinceMs > limits.ping_every_ms || nowMs < interval.sinceMs)
      interval = { sinceMs: nowMs, passed: 0 }
    const passing = Math.min(count, limits.refusals_per_interval_max - interval.passed)
    interval.passed += passing
    return passing
  }
}
