/**
 * Facts about the control log beside it: how far it has been read on this disk, so that one whose end was lost is not taken for whole;
 * and for which statement this peer has voted last, so that it votes for no other in that place.
 */
import type { Commit } from '../../crdt/commit.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'

const SEEN = 'control/seen'
const VOTED = 'control/vote'

export const controlSeenFact = (seq: number): NonNullable<StoreBatch['facts']>[number] => [SEEN, pack(seq)]

/** A control seq; 0 when nobody has read it yet, or the fact is damaged. */
export const controlSeen = (store: CommitStore): number => {
  const fact = store.fact(SEEN)
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  return typeof value === 'number' ? value : 0
}

export const votedFact = (commit: Commit): NonNullable<StoreBatch['facts']>[number] => [VOTED, commit.bytes]

/** The commit's bytes; null when this peer has never voted. */
export const lastVoted = (store: Pick<CommitStore, 'fact'>): Uint8Array | 'damaged' | null => store.fact(VOTED)
