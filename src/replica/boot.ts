/**
 * Opening: the store's scan becomes the index, batch by batch, before anything else happens.
 */
import { decodeCommit } from '../../crdt/commit.ts'
import type { ChainId } from '../../crdt/ids.ts'
import type { CommitStore } from '../ports.ts'
import { indexCommit, indexHole } from './log-index.ts'
import type { Replica } from './replica.ts'

export type Boot = {
  readonly commits: number
  /** Arrivals of which not even the name is left. */
  readonly lost: number
  readonly notes: readonly string[]
}

/** Reads the whole log. @throws StoreFailure when it cannot be read at all. */
export const boot = async (replica: Replica, store: CommitStore): Promise<Boot> => {
  const lookForBodies = replica.missing.restore()
  let commits = 0
  let lost = 0
  for await (const batch of store.scan()) {
    for (const scanned of batch) {
      if (scanned.kind === 'lost') {
        lost++
        continue
      }
      const decoded = scanned.kind === 'commit' ? decodeCommit(scanned.commit.bytes) : null
      if (decoded?.ok && scanned.kind === 'commit') {
        indexCommit(replica.index, decoded.commit, scanned.n, replica.self)
        if (lookForBodies) replica.missing.check(decoded.commit)
        commits++
      } else if (scanned.kind === 'damaged') indexHole(replica.index, scanned.arrival)
      else if (scanned.kind === 'commit') indexHole(replica.index, { n: scanned.n, chain: scanned.commit.chain, seq: scanned.commit.seq, hash: scanned.commit.hash })
    }
  }
  store.onDamage((damage) => {
    if (damage.kind === 'commit') replica.handle({ kind: 'damaged', what: { kind: 'commit', chain: damage.chain, seq: damage.seq } }, 0)
    else if (damage.kind === 'body') replica.handle({ kind: 'damaged', what: { kind: 'body', ref: damage.ref } }, 0)
  })
  return { commits, lost, notes: store.opening.notes }
}

/** Places that are to be fetched again. */
export const holeRuns = (replica: Replica): { readonly chain: ChainId; readonly from: number; readonly count: number }[] =>
  [...replica.index.holes.values()].map(({ chain, seq }) => ({ chain, from: seq, count: 1 }))

