/**
 * From a batch to the keys that it puts and deletes: which commits are new arrivals, which replace one that is there.
 *
 * The last sequence number of each chain is kept in memory, so that the usual case (the chain's next commit) costs no read.
 */
import { setImmediate } from 'node:timers/promises'
import type { ChainId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { StoreFailure } from '../ports/store.ts'
import type { Arrival, StoreBatch, StoredCommit } from '../ports/store.ts'
import { lastKey } from './database.ts'
import type { Database } from './database.ts'
import { findArrival, findCommit, isDropped, isErased } from './reads.ts'
import {
  arrivalEntry,
  bodyEntry,
  bodyKey,
  chainRange,
  COMMIT_KEY_BYTES,
  commitEntry,
  commitKey,
  droppedKey,
  erasedKey,
  extend,
  factKey,
  hashEntry,
  hashKey,
  purgeKey,
  sealed,
  seqOfCommitKey,
  trailEntry,
  trailKey,
} from './records.ts'
import type { Entry, Extent } from './records.ts'

export type Plan = {
  readonly puts: readonly Entry[]
  readonly dels: readonly Buffer[]
  /** The log's extent once this is on disk. */
  readonly extent: Extent
  /** To be called AFTER it is on disk, and only then. */
  done(): void
}

export type AnyGone = { readonly erased: boolean; readonly dropped: boolean }

export type Planner = {
  extent(): Extent
  /** @param any whether any ref was ever erased or dropped: while none was, bodies need no look. */
  plan(batch: StoreBatch, any: AnyGone): Promise<Plan>
  /** The opening scan met this commit damaged; written again, it keeps its arrival. */
  quarantine(arrival: Arrival): void
  /** The opening scan has ended: what is neither there nor in quarantine never arrived. */
  scanned(): void
}

const EMPTY = Buffer.alloc(0)

/** @param opened the extent found at opening. */
export const openPlanner = (db: Database, opened: Extent): Planner => {
  const topByChain = new Map<ChainId, number>()
  let current = opened

  const quarantinedByPlace = new Map<string, Arrival>()
  let isScanned = false

  const topOf = async (chain: ChainId): Promise<number> => {
    const known = topByChain.get(chain)
    if (known !== undefined) return known
    // A chain whose end is unreadable counts as endless: each of its commits is looked up.
    const key = await lastKey(db, chainRange(chain)).catch(() => commitKey(chain, limits.seq_max - 1))
    const top = key !== null && key.length === COMMIT_KEY_BYTES ? seqOfCommitKey(key) : -1
    if (topByChain.size >= limits.store_chain_tops_max) topByChain.clear()
    topByChain.set(chain, top)
    return top
  }

  /** The arrival of what was written under this chain and seq before, or null when nothing was. */
  const findEarlier = async ({ chain, seq }: StoredCommit): Promise<Placed | null> => {
    const quarantined = quarantinedByPlace.get(placeOf(chain, seq))
    if (quarantined !== undefined) return quarantined
    const found = findCommit(db, chain, seq)
    if (found.is === 'sound') return { n: found.value.n, hash: found.value.commit.hash }
    if (found.is === 'absent' && isScanned) return null
    // Damaged since the scan, or nobody scanned: the arrival log still knows its number. Rare, so a plain search.
    for (let n = current.arrivals; n >= 1; n--) {
      const arrival = findArrival(db, n)
      if (arrival.is === 'sound' && arrival.value.chain === chain && arrival.value.seq === seq) return arrival.value
      if (n % limits.store_scan_commits === 0) await setImmediate()
    }
    return null
  }

  return {
    extent: () => current,
    quarantine: (arrival) => void quarantinedByPlace.set(placeOf(arrival.chain, arrival.seq), arrival),
    scanned() {
      isScanned = true
    },
    async plan({ commits = [], bodies = [], erase = [], drop = [], facts = [] }, any) {
      const puts: Entry[] = []
      const dels: Buffer[] = []
      const appended: Buffer[] = []
      const tops = new Map<ChainId, number>()
      const inBatch = new Map<string, Placed>()

      for (const commit of commits) {
        const { chain, seq, hash } = commit
        const top = tops.get(chain) ?? (await topOf(chain))
        const place = placeOf(chain, seq)
        const earlier = seq > top ? null : (inBatch.get(place) ?? (await findEarlier(commit)))
        const n = earlier?.n ?? current.arrivals + appended.length + 1
        const arrival = arrivalEntry({ n, chain, seq, hash })
        puts.push(commitEntry(n, commit), arrival, hashEntry(hash, chain, seq))
        if (earlier === null) appended.push(arrival.value)
        else if (earlier.hash !== hash) dels.push(hashKey(earlier.hash))
        inBatch.set(place, { n, hash })
        tops.set(chain, Math.max(top, seq))
      }
      for (const body of bodies) {
        const erased = any.erased ? isErased(db, body.ref) : null
        if (erased?.is === 'damaged')
          throw new StoreFailure(
            'unreadable',
            `cannot tell whether the text ${body.ref} was erased (${erased.reason}): put the folder back from a backup`,
          )
        // What cannot be read as dropped is taken: it is a text more, not one that should be gone.
        const dropped = any.dropped && isDropped(db, body.ref).is === 'sound'
        if (erased?.is !== 'sound' && !dropped) puts.push(bodyEntry(body))
      }
      for (const ref of erase) {
        dels.push(bodyKey(ref))
        puts.push({ key: erasedKey(ref), value: EMPTY }, { key: purgeKey(ref), value: EMPTY })
      }
      for (const ref of drop) {
        dels.push(bodyKey(ref))
        puts.push({ key: droppedKey(ref), value: EMPTY }, { key: purgeKey(ref), value: EMPTY })
      }
      // The last word on a name counts; deletions are written after puts.
      for (const [name, value] of new Map(facts)) {
        if (value === null) dels.push(factKey(name))
        else puts.push(sealed(factKey(name), value))
      }
      const extent = extend(current, appended)
      puts.push(trailEntry(extent))
      if (extent.batches >= limits.store_trail_batches_max)
        dels.push(trailKey(extent.batches - limits.store_trail_batches_max))
      return {
        puts,
        dels,
        extent,
        done() {
          current = extent
          for (const [chain, top] of tops) topByChain.set(chain, top)
          if (quarantinedByPlace.size > 0) for (const place of inBatch.keys()) quarantinedByPlace.delete(place)
        },
      }
    },
  }
}

type Placed = { readonly n: number; readonly hash: StoredCommit['hash'] }

const placeOf = (chain: ChainId, seq: number): string => `${chain}${seq}`
