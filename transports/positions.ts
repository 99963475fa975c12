/**
 * How far the other side of a link is, chain by chain, by its own words and by what we sent it.
 *
 * The stream is reliable and ordered, so what was sent counts as there. Invariant: positions only grow; at most
 * `limits.frontier_entries_max` chains are remembered. Of a chain known to have forked it may be more than there is: whoever
 * asks or sends by it looks at `endOf` too (`forks.ts`).
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

export const createPositions = (): Positions => {
  const seqByChain = new Map<ChainId, number>()
  return {
    of: (chain) => seqByChain.get(chain) ?? 0,
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
