/**
 * How far the control log has been read on this disk: a fact beside the log, so that one whose end was lost is not taken for whole.
 */
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'

const SEEN = 'control/seen'

export const controlSeenFact = (seq: number): NonNullable<StoreBatch['facts']>[number] => [SEEN, pack(seq)]

/** A control seq; 0 when nobody has read it yet, or the fact is damaged. */
export const controlSeen = (store: CommitStore): number => {
  const fact = store.fact(SEEN)
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  return typeof value === 'number' ? value : 0
}
