/**
 * Incarnations (DESIGN §4): our chains are continued only after a clean stop in the same folder, else begun anew, so that a
 * restored or copied folder, or one that lost its tail, never writes two commits with one seq.
 */
import type { Incarnation } from '../../crdt/ids.ts'
import { parseIncarnation } from '../../crdt/ids.ts'
import type { CommitStore } from '../ports.ts'

const FACT = 'incarnation'

/** The incarnation to write under, remembered before anything is written. */
export const continueOrStart = async (store: CommitStore, fresh: () => Incarnation): Promise<Incarnation> => {
  const remembered = store.fact(FACT)
  const last = remembered && parseIncarnation(new TextDecoder().decode(remembered))
  if (store.opening.continuable && last !== null) return last
  const next = fresh()
  await store.write({ facts: [[FACT, new TextEncoder().encode(next)]] })
  return next
}
