/**
 * Where a statement of the control log lies, in words.
 */
import { clean } from '../render.ts'

/** Where the statement lies on disk; the others hear of it when they are back. */
export const appliedText = ({
  proposed,
  applied,
  not_yet,
}: {
  readonly proposed: boolean
  readonly applied: readonly string[]
  readonly not_yet: readonly string[]
}): string =>
  proposed
    ? `kept as a proposal: it takes effect by itself as soon as most of these run and have countersigned it: ${not_yet.map(clean).join(', ')}`
    : [
        applied.length === 0 ? '' : `applied by ${applied.map(clean).join(', ')}`,
        not_yet.length === 0 ? '' : `not yet by ${not_yet.map(clean).join(', ')}`,
      ]
        .filter((part) => part !== '')
        .join('; ')
