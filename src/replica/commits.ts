/**
 * Commits read back from the store, decoded, and read at the format level in force at their policy; the latest ones are kept, since one
 * commit's events are usually asked for together.
 */
import { LRUCache } from 'lru-cache'
import { decodeCommit, type Commit, type CommitHeader } from '../../crdt/commit.ts'
import type { Reads } from '../../crdt/event-schema.ts'
import type { ChainId, CommitHash } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { CommitStore } from '../ports/store.ts'

/** Each answers null for what is not here, or is damaged. */
export type Commits = {
  at(chain: ChainId, seq: number): Commit | null
  byHash(hash: CommitHash): Commit | null
  /** Without decoding it. */
  hashAt(chain: ChainId, seq: number): CommitHash | null
  /** The n-th that arrived. */
  arrived(n: number): Commit | null
  /** Has just been persisted: nobody need decode it again. */
  keep(commit: Commit): void
  /** What was decoded may read differently now: part of the control log has come back. */
  forget(): void
}

/** @param readsOf of a commit whose past is here; the build's highest when absent. */
export const createCommits = (store: CommitStore, readsOf?: (header: CommitHeader) => Reads): Commits => {
  const cache = new LRUCache<string, Commit>({
    maxSize: limits.decoded_commits_bytes_max,
    sizeCalculation: (commit) => commit.bytes.length * DECODED_TO_BYTES,
  })
  const at = (chain: ChainId, seq: number): Commit | null => {
    const key = `${chain} ${seq}`
    const known = cache.get(key)
    if (known !== undefined) return known
    const stored = store.commit(chain, seq)
    const decoded = stored && decodeCommit(stored.bytes, readsOf)
    if (!decoded?.ok) return null
    cache.set(key, decoded.commit)
    return decoded.commit
  }
  return {
    at,
    byHash: (hash) => {
      const place = store.find(hash)
      return place && at(place.chain, place.seq)
    },
    hashAt: (chain, seq) => cache.peek(`${chain} ${seq}`)?.hash ?? store.commit(chain, seq)?.hash ?? null,
    arrived: (n) => {
      const arrival = store.arrival(n)
      return arrival && at(arrival.chain, arrival.seq)
    },
    forget: () => cache.clear(),
    keep: (commit) => {
      cache.set(`${commit.chain} ${commit.header.seq}`, commit)
    },
  }
}

/** A decoded commit's objects beside its bytes. */
const DECODED_TO_BYTES = 4
