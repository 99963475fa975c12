/**
 * Incarnations: our chains are continued only after a clean stop in the same folder, else begun anew, so that a
 * restored or copied folder, or one that lost its tail, never writes two commits with one seq.
 *
 * What is remembered is the incarnation and whether the peer that wrote under it has stopped cleanly. The store's own clean
 * stop is not enough: whoever looks into the folder of a killed peer (verify, members) closes it cleanly as well, and what
 * that peer had sent before its flush returned may be with others, and not here. Nor is the folder's own: who looks into a copied one
 * closes it cleanly too. So the end names the log's epoch, which a copy does not keep.
 */
import type { Incarnation } from '../../crdt/ids.ts'
import { parseIncarnation } from '../../crdt/ids.ts'
import { StoreFailure, type CommitStore } from '../ports/store.ts'

const FACT = 'incarnation'
const ENDED = ' ended '

/**
 * The incarnation to write under, remembered as in use before anything is written. Where it cannot be remembered (a full disk), a
 * fresh one: what is remembered as ended stays ended, and nothing was written under it since, whatever comes of this start.
 */
export const continueOrStart = async (store: CommitStore, fresh: () => Incarnation): Promise<Incarnation> => {
  const bytes = store.fact(FACT)
  const text = bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : ''
  const end = `${ENDED}${store.opening.epoch}`
  const ended = text.endsWith(end) ? parseIncarnation(text.slice(0, -end.length)) : null
  const incarnation = store.opening.continuable && ended !== null ? ended : fresh()
  return remember(store, incarnation).then(
    () => incarnation,
    (error: unknown) => {
      if (error instanceof StoreFailure) return fresh()
      throw error
    },
  )
}

/** Everything written under it is on stable storage, and nothing else was sent: the next start may continue it. @throws StoreFailure; then that one begins anew. */
export const endIncarnation = (store: CommitStore, incarnation: Incarnation): Promise<void> =>
  remember(store, `${incarnation}${ENDED}${store.opening.epoch}`)

const remember = (store: CommitStore, text: string): Promise<void> =>
  store.write({ facts: [[FACT, new TextEncoder().encode(text)]] })
