/** How many recovery keys a mesh has, and how many of them act together. */
import { limits } from '../../crdt/limits.ts'

/** `threshold` of `count` keys; none of either for a mesh that cannot be recovered. */
export type RecoveryPlan = { readonly threshold: number; readonly count: number }

/** `2/3`, or `none`. @returns null when that is no plan: more than half of the keys must be needed, so that no two halves can both act. */
export const parseRecoveryPlan = (text: string): RecoveryPlan | null => {
  if (text === 'none') return { threshold: 0, count: 0 }
  const [, threshold, count] = (/^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? []).map(Number)
  if (threshold === undefined || count === undefined) return null
  return count <= limits.recovery_keys_max && threshold <= count && 2 * threshold > count ? { threshold, count } : null
}
