/** Two ranked lists into one. */
import { scoreOf, type Candidate } from './rank.ts'
import { CHANNEL_WEIGHT, RANK_OFFSET } from './weights.ts'

type Near = { readonly id: string; readonly distance: number }

/** Of each channel what it found, and at which rank, from 1 on; null and 0 where it did not. */
export type Fused = {
  readonly id: string
  readonly score: number
  readonly lexical: Candidate | null
  readonly lexicalRank: number
  readonly vector: Near | null
  readonly vectorRank: number
}

/**
 * Best first. With one channel the lexical score is kept as it is; with two it is Σ weight / (RANK_OFFSET + rank), scaled so that the
 * first of both has 1. What one channel alone found stays.
 * @param lexical, near each best first.
 */
export const fuse = (lexical: readonly Candidate[], near: readonly Near[]): readonly Fused[] => {
  if (near.length === 0)
    return lexical.map((candidate, i) => ({
      id: candidate.id,
      score: scoreOf(candidate),
      lexical: candidate,
      lexicalRank: i + 1,
      vector: null,
      vectorRank: 0,
    }))
  const nearRankById = new Map(near.map(({ id }, i) => [id, i + 1]))
  const fused = lexical.map((candidate, i): Fused => {
    const vectorRank = nearRankById.get(candidate.id) ?? 0
    nearRankById.delete(candidate.id)
    return {
      id: candidate.id,
      score: shares(i + 1, vectorRank),
      lexical: candidate,
      lexicalRank: i + 1,
      vector: near[vectorRank - 1] ?? null,
      vectorRank,
    }
  })
  for (const [id, vectorRank] of nearRankById)
    fused.push({
      id,
      score: shares(0, vectorRank),
      lexical: null,
      lexicalRank: 0,
      vector: near[vectorRank - 1]!,
      vectorRank,
    })
  return fused.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
}

const shares = (lexicalRank: number, vectorRank: number): number =>
  (share(CHANNEL_WEIGHT.lexical, lexicalRank) + share(CHANNEL_WEIGHT.vector, vectorRank)) / MOST
const share = (weight: number, rank: number): number => (rank === 0 ? 0 : weight / (RANK_OFFSET + rank))
/** Of the first of both. */
const MOST = (CHANNEL_WEIGHT.lexical + CHANNEL_WEIGHT.vector) / (RANK_OFFSET + 1)
