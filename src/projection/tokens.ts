/** How many of the best memories are answered when their texts are to come to no more than so many tokens. */
import type { ScoredMemory } from '../ports/projection.ts'

/** Takes rows in rank order as long as they fit; at least one. A token is estimated at four bytes. */
export const withinTokens = (
  found: readonly ScoredMemory[],
  tokensMax = Number.POSITIVE_INFINITY,
): readonly ScoredMemory[] => {
  let left = tokensMax
  return found.filter((memory, i) => {
    const tokens = Math.ceil((Buffer.byteLength(memory.title ?? '') + Buffer.byteLength(memory.content ?? '')) / 4)
    if (tokens > left && i > 0) return false
    left -= tokens
    return true
  })
}
