/**
 * Opening: the store's scan becomes the index, batch by batch, before anything else happens; where a checkpoint of the index is there, the
 * scan of what arrived since.
 */
import { decodeCommit } from '../../crdt/commit.ts'
import type { ChainId } from '../../crdt/ids.ts'
import type { CommitStore } from '../ports/store.ts'
import { isWhole } from './checkpoint.ts'
import { readStatements } from './control-places.ts'
import { readsOf } from './log-index.ts'
import { createLogReader } from './read-log.ts'
import type { Replica } from './replica-types.ts'

export type Boot = {
  readonly commits: number
  /** Arrivals of which not even the name is left. */
  readonly lost: number
  readonly notes: readonly string[]
  /** The arrivals up to this one were not read, since a checkpoint spoke for them; so many of them were lost when it was made. */
  readonly unread: { readonly upTo: number; readonly lost: number }
}

/** What a checkpoint says of the log: `commits` of it up to an arrival, `lost` numbers among these. */
export type Checkpointed = { readonly arrivals: number; readonly commits: number; readonly lost: number }

/** A peer's checkpoints, as a start needs them. */
export type BootCheckpoints = {
  /** Fills the index; null when there is none that holds, and then the index is as it was. */
  restore(): Promise<Checkpointed | null>
  /** The log is not what it was when they were made. */
  drop(): Promise<void>
}

/** Reads the log. @throws StoreFailure when it cannot be read at all. */
export const boot = async (
  replica: Replica,
  store: CommitStore,
  nowMs: number,
  checkpoints?: BootCheckpoints,
): Promise<Boot> => {
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
  // Where anything may be amiss, all of it is looked at.
  const known = lookForBodies ? null : ((await checkpoints?.restore()) ?? null)
  readStatements(replica.index, store)
  const unread = { upTo: known?.arrivals ?? 0, lost: known?.lost ?? 0 }
  let { commits, lost } = known ?? { commits: 0, lost: 0 }
  for await (const batch of store.scan(unread.upTo + 1)) {
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
  if (!isWhole(replica.index)) await checkpoints?.drop()
  // Worked out here, before anybody asks: of 100,000 chains in one turn later it would hold up the others.
  replica.index.chains.digest()
  replica.booted(nowMs)
  const unwritten = [await replica.mayWrite.restore(), await replica.restoreReadLevel()]
  const cut =
    tail &&
    `the end of the log was lost (${tail.expected - tail.found} of ${tail.expected} commits); other peers are asked for what they held`
  return { commits, lost, notes: [cut, ...notes, ...unwritten].filter((note) => note !== null), unread }
}

/** Places that are to be fetched again. */
export const holeRuns = (
  replica: Replica,
): { readonly chain: ChainId; readonly from: number; readonly count: number }[] =>
  [...replica.index.holes.values()].map(({ chain, seq }) => ({ chain, from: seq, count: 1 }))
