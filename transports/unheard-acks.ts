/**
 * Chains of which something was acknowledged while a link had not opened on our side. The other side may have had it open already: then it
 * asked for what it waited for before that word was given, and asks no more.
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'

export type UnheardAcks = {
  miss(chains: Iterable<ChainId>): void
  /** What was missed, once: as many as one ack has. */
  take(): readonly ChainId[]
}

/** At most `ack_watermarks_max` chains, the latest; a link opens within a round trip or two. */
export const createUnheardAcks = (): UnheardAcks => {
  const missed = new Set<ChainId>()
  return {
    miss: (chains) => {
      for (const chain of chains) {
        missed.delete(chain)
        missed.add(chain)
      }
      for (const oldest of missed) {
        if (missed.size <= limits.ack_watermarks_max) break
        missed.delete(oldest)
      }
    },
    take: () => {
      const chains = [...missed]
      missed.clear()
      return chains
    },
  }
}
