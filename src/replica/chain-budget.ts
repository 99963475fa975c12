/**
 * How fast members begin chains: each is kept in memory for good and told to every neighbour, and a namespace needs one, so a member
 * that begins them without end would fill every peer. Which chains a peer has must not depend on what came first, so this only
 * delays: what is over the budget waits, and comes in as time passes.
 *
 * A chain that its own author brings counts against the author; what somebody passes on, against whoever does, with room for the
 * whole log that a joining peer reads. Nothing here is kept over a restart.
 */
import type { PeerId } from '../../crdt/ids.ts'

export type Pace = { readonly burst: number; readonly perSecond: number }
export type ChainBudget = {
  /** Takes one in; 0 when it may come now, else the ms after which it may be asked again. */
  begin(from: PeerId, author: PeerId, nowMs: number): number
}

/** 4,096 at once, an import into as many namespaces; then at most 864,000 a day, so that an operator has hours to take such a member out. */
const OWN: Pace = { burst: 4_096, perSecond: 10 }
/** A mesh of 64 members with 1,000 namespaces each at once, the rest of a larger one in minutes. */
const PASSED_ON: Pace = { burst: 65_536, perSecond: 500 }
/** Asked again no later than this, however many wait. */
const WAIT_MS_MAX = 1_000

type Bucket = { tokens: number; atMs: number; waiting: number }

/** Two buckets a sender; senders are members. */
export const createChainBudget = (own: Pace = OWN, passedOn: Pace = PASSED_ON): ChainBudget => {
  const buckets = new Map<string, Bucket>()
  return {
    begin: (from, author, nowMs) => {
      const pace = from === author ? own : passedOn
      const key = `${from} ${pace === own ? 'own' : 'passed on'}`
      const bucket = buckets.get(key) ?? { tokens: pace.burst, atMs: nowMs, waiting: 0 }
      buckets.set(key, bucket)
      // A clock that was put back gives nothing and takes nothing.
      const refill = (Math.max(0, nowMs - bucket.atMs) * pace.perSecond) / 1_000
      if (refill >= 1) bucket.waiting = 0
      bucket.tokens = Math.min(pace.burst, bucket.tokens + refill)
      bucket.atMs = nowMs
      if (bucket.tokens >= 1) {
        bucket.tokens--
        return 0
      }
      // Each behind the one before, so that they are not all asked at once.
      return Math.min(WAIT_MS_MAX, Math.ceil((++bucket.waiting * 1_000) / pace.perSecond))
    },
  }
}
