/**
 * Facts about the control log beside it: how far it has been read on this disk, so that one whose end was lost is not taken for whole;
 * and for which statement this peer has voted last, so that it votes for no other in that place.
 */
import type { Commit } from '../../crdt/commit.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'

const SEEN = 'control/seen'
/** Twice: nobody else can tell for what this peer voted, and without its vote a mesh of two is governed no more. */
const VOTED = ['control/vote', 'control/vote/again'] as const

export const controlSeenFact = (seq: number): NonNullable<StoreBatch['facts']>[number] => [SEEN, pack(seq)]

/** A control seq; 0 when nobody has read it yet, or the fact is damaged. */
export const controlSeen = (store: CommitStore): number => {
  const fact = store.fact(SEEN)
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  return typeof value === 'number' ? value : 0
}

export const votedFacts = (commit: Commit): NonNullable<StoreBatch['facts']> =>
  VOTED.map((name) => [name, commit.bytes])

/** The commit's bytes, of the copy that is sound; null when this peer has never voted. */
export const lastVoted = (store: Pick<CommitStore, 'fact'>): Uint8Array | 'damaged' | null => {
  const copies = VOTED.map((name) => store.fact(name))
  return copies.find((copy) => copy instanceof Uint8Array) ?? copies.find((copy) => copy !== null) ?? null
}
