/**
 * Acks that nobody waits for: whoever wrote a chain is told at once that we have it, all others a little later, of several flushes
 * together. A frame for each neighbour and flush, and its signature's check there, were half of what a mesh says.
 */
import type { ChainId, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'

export type GatheredAcks = {
  /** Of this chain others are to be told. @param author who wrote it, and has been told. */
  add(chain: ChainId, author: PeerId, nowMs: number): void
  /** What is to be told now, once; null when nothing is. `but`: who has been told all of it. */
  take(nowMs: number): { readonly chains: readonly ChainId[]; readonly but: PeerId | null } | null
  /** When the next is to be told, or null. */
  nextDeadlineMs(): number | null
}

export const createGatheredAcks = (): GatheredAcks => {
  const authorByChain = new Map<ChainId, PeerId>()
  let sinceMs = 0
  // A clock that was put back keeps nothing waiting.
  const isDue = (nowMs: number): boolean =>
    authorByChain.size >= limits.ack_watermarks_max || nowMs >= sinceMs + limits.ack_gather_ms || nowMs < sinceMs
  return {
    add: (chain, author, nowMs) => {
      if (authorByChain.size === 0) sinceMs = nowMs
      authorByChain.set(chain, author)
    },
    take: (nowMs) => {
      if (authorByChain.size === 0 || !isDue(nowMs)) return null
      const authors = new Set(authorByChain.values())
      const chains = [...authorByChain.keys()]
      authorByChain.clear()
      return { chains, but: authors.size === 1 ? [...authors][0]! : null }
    },
    nextDeadlineMs: () => (authorByChain.size === 0 ? null : sinceMs + limits.ack_gather_ms),
  }
}
