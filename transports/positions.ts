/**
 * How far the other side of a link is, chain by chain, by its own words and by what we sent it.
 *
 * The stream is reliable and ordered, so what was sent counts as there. Invariants: what is remembered only grows, and a
 * forked chain's is answered as ending before its fork, however far its sender was; at most `limits.frontier_entries_max` chains.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'

export type Positions = {
  /** 0 when nothing is known of this chain. */
  of(chain: ChainId): number
  /** False when the chain would be one too many. */
  reached(chain: ChainId, seq: number): boolean
  /** The other side does not have what it said. */
  forget(chain: ChainId): void
}

/** @param endOf the seq, or the chain's end before its fork (`forks.ts`). */
export const createPositions = (endOf: (chain: ChainId, seq: number) => number): Positions => {
  const seqByChain = new Map<ChainId, number>()
  return {
    of: (chain) => endOf(chain, seqByChain.get(chain) ?? 0),
    reached: (chain, seq) => {
      const known = seqByChain.get(chain)
      if (known === undefined && seqByChain.size >= limits.frontier_entries_max) return false
      if (known === undefined || known < seq) seqByChain.set(chain, seq)
      return true
    },
    forget: (chain) => {
      seqByChain.delete(chain)
    },
  }
}
