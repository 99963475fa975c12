/**
 * Opening: the store's scan becomes the index, batch by batch, before anything else happens.
 */
import { decodeCommit } from '../../crdt/commit.ts'
import type { ChainId } from '../../crdt/ids.ts'
import type { CommitStore } from '../ports/store.ts'
import { readsOf } from './log-index.ts'
import { createLogReader } from './read-log.ts'
import type { Replica } from './replica-types.ts'

export type Boot = {
  readonly commits: number
  /** Arrivals of which not even the name is left. */
  readonly lost: number
  readonly notes: readonly string[]
}

/** Reads the whole log. @throws StoreFailure when it cannot be read at all. */
export const boot = async (replica: Replica, store: CommitStore, nowMs: number): Promise<Boot> => {
  const { tail, notes } = store.opening
  // What was lost may have been the list of what is missing.
  const lookForBodies = replica.missing.restore() || tail !== null || notes.length > 0
  replica.branches.restorePlaces()
  replica.forks.restore()
  for (const { chain, peer, at } of replica.forks.all()) {
    replica.index.forkedAt.set(chain, at)
    if (replica.forks.isOut(peer)) replica.index.out.add(peer)
  }
  const reader = createLogReader(replica.index, store, replica.commits, replica.self)
  let commits = 0
  let lost = 0
  for await (const batch of store.scan()) {
    for (const scanned of batch) {
      if (scanned.kind === 'lost') {
        lost++
        reader.lost(scanned.n)
        continue
      }
      const decoded =
        scanned.kind === 'commit'
          ? decodeCommit(scanned.commit.bytes, (header) => readsOf(replica.index, header))
          : null
      if (decoded?.ok && scanned.kind === 'commit') {
        reader.commit(decoded.commit, scanned.n)
        if (lookForBodies) replica.missing.check(decoded.commit)
        commits++
      } else if (scanned.kind === 'damaged') reader.damaged(scanned.arrival)
      else if (scanned.kind === 'commit')
        reader.damaged({
          n: scanned.n,
          chain: scanned.commit.chain,
          seq: scanned.commit.seq,
          hash: scanned.commit.hash,
        })
    }
  }
  reader.end()
  // Worked out here, before anybody asks: of 100,000 chains in one turn later it would hold up the others.
  replica.index.chains.digest()
  replica.booted(nowMs)
  const unwritten = [await replica.mayWrite.restore(), await replica.restoreReadLevel()]
  const cut =
    tail &&
    `the end of the log was lost (${tail.expected - tail.found} of ${tail.expected} commits); other peers are asked for what they held`
  return { commits, lost, notes: [cut, ...notes, ...unwritten].filter((note) => note !== null) }
}

/** Places that are to be fetched again. */
export const holeRuns = (
  replica: Replica,
): { readonly chain: ChainId; readonly from: number; readonly count: number }[] =>
  [...replica.index.holes.values()].map(({ chain, seq }) => ({ chain, from: seq, count: 1 }))
