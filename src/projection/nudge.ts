/** The small weights: how recent a memory is, how sure its author was, how much it matters. They break near-ties and no more. */
import type { MemoryRow } from '../ports/projection.ts'
import type { Fused } from './fuse.ts'
import { CONFIDENCE_SHARE, PRIORITY_SHARE, RECENCY_HALF_LIFE_DAYS, RECENCY_SHARE } from './weights.ts'

/** What was added, each as a share of the score. */
export type Nudges = { readonly recency: number; readonly confidence: number; readonly priority: number }
export type Nudged = { readonly row: MemoryRow; readonly fused: Fused; readonly score: number; readonly nudges: Nudges }

const DAY_MS = 86_400_000
const PRIORITY_MAX = 10

/** Best first; among equals the newest. @param now ms since 1970. */
export const nudge = (
  found: readonly { readonly row: MemoryRow; readonly fused: Fused }[],
  now: number,
): readonly Nudged[] =>
  found
    .map(({ row, fused }): Nudged => {
      const nudges = nudgesOf(row, now)
      return { row, fused, nudges, score: fused.score * (1 + nudges.recency + nudges.confidence + nudges.priority) }
    })
    .sort(
      (a, b) =>
        b.score - a.score ||
        (a.row.created_at < b.row.created_at
          ? 1
          : a.row.created_at > b.row.created_at
            ? -1
            : a.row.id < b.row.id
              ? 1
              : -1),
    )

const nudgesOf = (row: MemoryRow, now: number): Nudges => {
  const at = Date.parse(row.occurred_at ?? row.created_at)
  const days = Number.isNaN(at) ? Number.POSITIVE_INFINITY : Math.max(0, now - at) / DAY_MS
  return {
    recency: RECENCY_SHARE * 2 ** (-days / RECENCY_HALF_LIFE_DAYS),
    confidence: CONFIDENCE_SHARE * Math.min(1, Math.max(0, row.confidence)),
    priority: PRIORITY_SHARE * Math.min(1, Math.max(0, row.priority / PRIORITY_MAX)),
  }
}
