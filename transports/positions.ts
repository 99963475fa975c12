/**
 * How far the other side of a link is, chain by chain, by its own words and by what we sent it.
 *
 * The stream is reliable and ordered, so what was sent counts as there. Invariants: positions only grow; of chains that are here
 * one each is remembered, of chains that are not at most `unknown_chains_per_link_max`, the oldest goes first. What is forgotten
 * of those costs nothing but a count: they are pulled by the log and the frontier. Of a chain known to have forked it may be
 * more than there is: whoever asks or sends by it looks at `endOf` too (`forks.ts`).
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'

export type Positions = {
  /** 0 when nothing is known of this chain. */
  of(chain: ChainId): number
  reached(chain: ChainId, seq: number): void
  /** The other side does not have what it said. */
  forget(chain: ChainId): void
  /** How many are remembered, for tests. */
  size(): number
}

/** @param isHere whether our log has something of this chain. */
export const createPositions = (isHere: (chain: ChainId) => boolean): Positions => {
  const seqByChain = new Map<ChainId, number>()
  const seqByUnknownChain = new Map<ChainId, number>()
  const of = (chain: ChainId): number => seqByChain.get(chain) ?? seqByUnknownChain.get(chain) ?? 0
  return {
    of,
    reached: (chain, seq) => {
      const most = Math.max(seq, of(chain))
      if (seqByChain.has(chain) || isHere(chain)) {
        seqByUnknownChain.delete(chain)
        seqByChain.set(chain, most)
        return
      }
      seqByUnknownChain.set(chain, most)
      // A Map iterates in insertion order: the first is the oldest.
      if (seqByUnknownChain.size > limits.unknown_chains_per_link_max) for (const oldest of seqByUnknownChain.keys()) {
        seqByUnknownChain.delete(oldest)
        break
      }
    },
    forget: (chain) => {
      seqByChain.delete(chain)
      seqByUnknownChain.delete(chain)
    },
    size: () => seqByChain.size + seqByUnknownChain.size,
  }
}
