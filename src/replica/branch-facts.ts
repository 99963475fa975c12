/**
 * Statements of other lines of the control log than the one that is followed, as facts beside it: a list of them, each with the last place
 * that its line has in common with ours, and the bytes of each.
 */
import { decodeCommit, type Commit } from '../../crdt/commit.ts'
import { bytesToHex, hexToBytes, type CommitHash } from '../../crdt/ids.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'

type Fact = NonNullable<StoreBatch['facts']>[number]

const LIST = 'control/branches'
const nameOf = (hash: CommitHash): string => `control/branch/${hash}`

export const branchList = (places: readonly (readonly [CommitHash, number])[]): Fact => [
  LIST,
  pack(places.map(([hash, place]) => [hexToBytes(hash), place])),
]

/** @param isGone it is one of our line now. */
export const branchFact = ({ hash, bytes }: Commit, isGone = false): Fact => [nameOf(hash), isGone ? null : bytes]

/** In the order in which they were taken in: each behind what it follows. */
export const branchPlaces = (store: Pick<CommitStore, 'fact'>): ReadonlyMap<CommitHash, number> => {
  const fact = store.fact(LIST)
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  return new Map(
    Array.isArray(value)
      ? value.flatMap((entry) =>
          Array.isArray(entry) && entry[0] instanceof Uint8Array && typeof entry[1] === 'number'
            ? [[bytesToHex(entry[0]) as CommitHash, entry[1]] as const]
            : [],
        )
      : [],
  )
}

/** Null where it is damaged: others tell it again. */
export const branchIn = (store: Pick<CommitStore, 'fact'>, hash: CommitHash): Commit | null => {
  const fact = store.fact(nameOf(hash))
  const decoded = fact instanceof Uint8Array ? decodeCommit(fact) : null
  return decoded?.ok ? decoded.commit : null
}
