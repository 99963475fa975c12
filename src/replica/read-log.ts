/**
 * From the log on disk to the index, in causal order.
 *
 * Arrival order is a causal order as long as the disk keeps everything. Where arrivals are lost (only a number is left of
 * them), what follows is held back until its past is here: its chain's predecessor, its control commit, its deps. So the
 * frontier never claims what is missing, peers give it again, and documents replay in an order that holds. What came again
 * later bears a later number, and is read in its place.
 *
 * Invariant: what is held back to the end is set aside: in the store, not in the index, and to be given again.
 */
import { decodeCommit, type Commit } from '../../crdt/commit.ts'
import { policyPlace } from '../../crdt/control.ts'
import { controlChainAt } from '../../crdt/epoch.ts'
import { CONTROL_NAMESPACE, ZERO_HASH, type ChainId, type CommitHash, type PeerId } from '../../crdt/ids.ts'
import type { Arrival, CommitStore } from '../ports/store.ts'
import type { Commits } from './commits.ts'
import { isOfLine } from './control-places.ts'
import { forkAt, indexCommit, indexHole, placeKey, type LogIndex } from './log-index.ts'

/** Told every arrival once, in order; `end` when there are no more. */
export type LogReader = {
  commit(commit: Commit, n: number): void
  damaged(arrival: Arrival): void
  lost(n: number): void
  /** Sets aside what still waits. */
  end(): void
}

type Held = { readonly n: number; readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash }

export const createLogReader = (
  index: LogIndex,
  store: Pick<CommitStore, 'find'>,
  commits: Commits,
  self: PeerId,
): LogReader => {
  /** By what they wait for: a place in their own chain, or a commit. */
  const heldByNeed = new Map<string, Held[]>()
  const held = new Set<CommitHash>()
  const holes = new Set<CommitHash>()
  let anyLost = false

  /** The first thing that is not in the index and should be. */
  const needOf = ({ chain, header }: Commit): string | null => {
    const isControl = header.namespace === CONTROL_NAMESPACE
    const before = isControl ? controlChainAt({ ...index.followed, mesh: index.mesh }, header.seq - 1) : chain
    if ((index.chains.get(before)?.seq ?? 0) + 1 < header.seq) return placeKey(before, header.seq - 1)
    if (isControl) return null
    if (header.policy !== ZERO_HASH && policyPlace(index.control, header.policy, header.peer) === null)
      return header.policy
    return header.deps.find((dep) => held.has(dep) || (!holes.has(dep) && !isRead(dep))) ?? null
  }
  /** What came again lies in the store, and is read only at its later number: until then nothing may rest on it. No chain goes on along a branch. */
  const isRead = (hash: CommitHash): boolean => {
    const place = store.find(hash)
    return (
      place !== null &&
      (place.seq <= (index.chains.get(place.chain)?.seq ?? 0) || place.seq >= forkAt(index, place.chain))
    )
  }
  const hold = (entry: Held, need: string): void => {
    held.add(entry.hash)
    const others = heldByNeed.get(need)
    if (others === undefined) heldByNeed.set(need, [entry])
    else others.push(entry)
    index.arrivals = Math.max(index.arrivals, entry.n)
  }
  /** Whatever waited for `hash` at this place is looked at again, and what waited for that. */
  const release = (first: Held): void => {
    const arrived = [first]
    for (let next = arrived.pop(); next !== undefined; next = arrived.pop()) {
      for (const need of [placeKey(next.chain, next.seq), next.hash]) {
        const waiting = heldByNeed.get(need) ?? []
        heldByNeed.delete(need)
        for (const entry of waiting) {
          const commit = commits.at(entry.chain, entry.seq)
          const still = commit === null ? need : needOf(commit)
          if (commit === null || still !== null) {
            hold(entry, still ?? need)
            continue
          }
          held.delete(entry.hash)
          indexCommit(index, commit, entry.n, self)
          arrived.push(entry)
        }
      }
    }
  }

  return {
    commit: (commit, n) => {
      const entry = { n, chain: commit.chain, seq: commit.header.seq, hash: commit.hash }
      // An old arrival entry of what has been read under another number.
      if (entry.seq <= (index.chains.get(entry.chain)?.seq ?? 0)) return
      const isLeft = commit.header.namespace === CONTROL_NAMESPACE && !isOfLine(index, entry.chain, entry.seq)
      const need = anyLost && !isLeft ? needOf(commit) : null
      if (need !== null) return hold(entry, need)
      indexCommit(index, commit, n, self)
      if (heldByNeed.size > 0) release(entry)
    },
    damaged: (arrival) => {
      indexHole(index, arrival)
      holes.add(arrival.hash)
      if (heldByNeed.size > 0) release(arrival)
    },
    lost: (n) => {
      anyLost = true
      index.arrivals = Math.max(index.arrivals, n)
    },
    end: () => {
      for (const waiting of heldByNeed.values())
        for (const { chain, seq, hash, n } of waiting) index.setAside.set(placeKey(chain, seq), { hash, n })
      heldByNeed.clear()
    },
  }
}

/** The hash of a commit that cannot be read: the end of its chain, or what the one behind it calls its predecessor; null when that is not here. */
export const nameOf = (index: LogIndex, store: CommitStore, chain: ChainId, seq: number): CommitHash | null => {
  const state = index.chains.get(chain)
  if (state?.seq === seq) return state.hash
  const after = store.commit(chain, seq + 1)
  const next = after && decodeCommit(after.bytes)
  return next?.ok ? next.commit.header.prev : null
}
