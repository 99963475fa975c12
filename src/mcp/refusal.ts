/** A refusal as a model is told it: what was wrong, what holds now, and what to do next. */
import type { ErrorCode, NodeError } from '../errors.ts'

export const refusal = ({ code, message, fields }: NodeError): string => {
  const next = NEXT[code]
  const told = next === undefined ? message : `${message}; ${next}`
  return `${told}${whatHolds(code, fields)} (${code})`
}

const NEXT: Partial<Readonly<Record<ErrorCode, string>>> = {
  not_found: 'recall or list finds the ids of those that are',
  version_mismatch: 'get it again, and change what stands there now',
  projection_unavailable: 'get by id and list work meanwhile',
  internal: 'tell the user; the log of the peer has the cause',
}

/** What a write that was refused has left behind, or else the model would write it twice, or not at all. */
const whatHolds = (code: ErrorCode, { id, local_committed, may_be_elsewhere }: NodeError['fields']): string => {
  if (code === 'quorum_not_met' && typeof id === 'string')
    return `; it is kept here as ${id} and reaches the others later: do not write it again`
  if (local_committed === true && typeof id === 'string') return `; it is kept here as ${id}: do not write it again`
  if (may_be_elsewhere === true) return '; it may have been written all the same: recall before you write it again'
  return local_committed === false ? '; nothing was written' : ''
}
