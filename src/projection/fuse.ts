/** Two ranked lists into one. */
import { scoreOf, type Candidate } from './rank.ts'
import { CHANNEL_WEIGHT, RANK_OFFSET } from './weights.ts'

/** Ranks count from 1. */
export type Fused = {
  readonly id: string
  readonly score: number
  readonly lexical: (Candidate & { readonly rank: number; readonly score: number }) | null
  readonly vector: { readonly rank: number; readonly distance: number } | null
}

/**
 * Best first. With one channel the lexical score is kept as it is; with two it is Σ weight / (RANK_OFFSET + rank), scaled so that the
 * first of both has 1. What one channel alone found stays.
 * @param lexical, near each best first.
 */
export const fuse = (lexical: readonly Candidate[], near: readonly { readonly id: string; readonly distance: number }[]): readonly Fused[] => {
  const fusedById = new Map<string, Fused>()
  lexical.forEach((candidate, i) => {
    const score = scoreOf(candidate)
    fusedById.set(candidate.id, { id: candidate.id, score, lexical: { ...candidate, rank: i + 1, score }, vector: null })
  })
  if (near.length === 0) return [...fusedById.values()]
  near.forEach(({ id, distance }, i) => fusedById.set(id, { id, score: 0, lexical: fusedById.get(id)?.lexical ?? null, vector: { rank: i + 1, distance } }))
  const most = (CHANNEL_WEIGHT.lexical + CHANNEL_WEIGHT.vector) / (RANK_OFFSET + 1)
  const share = (weight: number, channel: { readonly rank: number } | null): number => (channel === null ? 0 : weight / (RANK_OFFSET + channel.rank))
  return [...fusedById.values()]
    .map((one) => ({ ...one, score: (share(CHANNEL_WEIGHT.lexical, one.lexical) + share(CHANNEL_WEIGHT.vector, one.vector)) / most }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
}
