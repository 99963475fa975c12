/**
 * How far the other side of a link is, chain by chain: by its own words, by what we sent it, and by how far we were ourselves when it
 * held all that we held.
 *
 * The stream is reliable and ordered, so what was sent counts as there. That it holds all takes one mark, and from then on the chains
 * that went on here, however many there are. Invariants: positions only grow, but for what is forgotten; of chains that are here one each is remembered, of chains
 * that are not at most `unknown_chains_per_link_max`, the oldest goes first. What is forgotten of those costs nothing but a count: they
 * are pulled by the log and the frontier. Of a chain known to have forked it may be more than there is: whoever asks or sends by it looks
 * at `endOf` too (`forks.ts`).
 */
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import type { MeshHost } from './host.ts'

export type Positions = {
  /** 0 when nothing is known of this chain. */
  of(chain: ChainId): number
  reached(chain: ChainId, seq: number): void
  /** It holds all that we hold now, but for these chains, from these seqs on. */
  heldAll(firstLacking?: ReadonlyMap<ChainId, number>): void
  /** The other side does not have what it said. */
  forget(chain: ChainId): void
  /** How many of our commits it lacks, by what it has said. */
  lacking(): number
  /** Looks at what went on here. To be called once a second at least: what it comes too late for it knows no more. */
  lookAgain(): void
  /** How many are remembered, for tests. */
  size(): number
}

export const createPositions = (host: Pick<MeshHost, 'seqOf' | 'commits' | 'growth' | 'controlChain'>): Positions => {
  const seqByChain = new Map<ChainId, number>()
  const seqByUnknownChain = new Map<ChainId, number>()
  /** Since when all are held but those in `seqByGrown`: they are as far there as they were here before they went on. */
  let mark: number | null = null
  const seqByGrown = new Map<ChainId, number>()

  const lookAgain = (): void => {
    if (mark === null || mark === host.growth.mark()) return
    const grown = host.growth.since(mark)
    if (grown === null) {
      mark = null
      seqByGrown.clear()
      return
    }
    for (const { chain, before } of grown) if (!seqByGrown.has(chain)) seqByGrown.set(chain, before)
    mark = host.growth.mark()
  }
  const told = (chain: ChainId): number => seqByChain.get(chain) ?? seqByUnknownChain.get(chain) ?? 0
  const of = (chain: ChainId): number => {
    lookAgain()
    return Math.max(told(chain), mark === null ? 0 : (seqByGrown.get(chain) ?? host.seqOf(chain)))
  }

  return {
    of,
    reached: (chain, seq) => {
      if (seq <= of(chain) && !seqByUnknownChain.has(chain)) return
      const most = Math.max(seq, told(chain))
      if (seqByChain.has(chain) || chain === host.controlChain || host.seqOf(chain) > 0) {
        seqByUnknownChain.delete(chain)
        seqByChain.set(chain, most)
        return
      }
      seqByUnknownChain.set(chain, most)
      // A Map iterates in insertion order: the first is the oldest.
      if (seqByUnknownChain.size > limits.unknown_chains_per_link_max)
        for (const oldest of seqByUnknownChain.keys()) {
          seqByUnknownChain.delete(oldest)
          break
        }
    },
    heldAll: (firstLacking = new Map()) => {
      const atByLacking = [...firstLacking].map(([chain, first]) => [chain, Math.max(first - 1, of(chain))] as const)
      seqByGrown.clear()
      for (const [chain, at] of atByLacking) seqByGrown.set(chain, at)
      mark = host.growth.mark()
      if (firstLacking.size > 0) return
      // What it is further than we (a push of ours whose flush is under way) stays; more of these than can be are a lie.
      for (const [chain, seq] of seqByChain) if (seq <= host.seqOf(chain)) seqByChain.delete(chain)
      if (seqByChain.size > limits.unknown_chains_per_link_max) seqByChain.clear()
    },
    forget: (chain) => {
      lookAgain()
      seqByChain.delete(chain)
      seqByUnknownChain.delete(chain)
      if (mark !== null) seqByGrown.set(chain, 0)
    },
    lacking: () => {
      lookAgain()
      if (mark === null)
        return [...seqByUnknownChain, ...seqByChain].reduce(
          (left, [chain, seq]) => left - Math.min(seq, host.seqOf(chain)),
          host.commits(),
        )
      return [...seqByGrown.keys()].reduce((sum, chain) => sum + Math.max(0, host.seqOf(chain) - of(chain)), 0)
    },
    lookAgain,
    size: () => seqByChain.size + seqByUnknownChain.size + seqByGrown.size,
  }
}
