/**
 * The opening scan: every arrival in order, each commit and each index entry checked.
 *
 * An index entry that is damaged or gone is made again from its commit, which carries all that the entry says; so a scan
 * that met only damaged indexes leaves a sound store behind. Speed: see level.ts.
 */
import { setImmediate } from 'node:timers/promises'
import { limits } from '../../crdt/limits.ts'
import type { Arrival, ScannedCommit } from '../ports/store.ts'
import { entriesOf } from './database.ts'
import type { Database } from './database.ts'
import { causeOf } from './failure.ts'
import { findArrival, findCommit, findHash } from './reads.ts'
import {
  arrivalEntry,
  chainOfCommitKey,
  COMMIT_KEY_BYTES,
  hashEntry,
  letters,
  readCommit,
  seqOfCommitKey,
} from './records.ts'
import type { Entry } from './records.ts'

/** @param first, arrivals the first and the last that are read. @param mend is given the index entries to write again, a batch at a time. */
export async function* scanCommits(
  db: Database,
  first: number,
  arrivals: number,
  mend: (entries: readonly Entry[]) => Promise<void>,
): AsyncGenerator<readonly ScannedCommit[]> {
  let orphans: Orphans | null = null
  for (let from = first; from <= arrivals; from += limits.store_scan_commits) {
    const met: ScannedCommit[] = []
    const mended: Entry[] = []
    for (let n = from; n < from + limits.store_scan_commits && n <= arrivals; n++) {
      const found = findArrival(db, n)
      if (found.is !== 'sound') orphans ??= await findOrphans(db, arrivals)
      const arrival = found.is === 'sound' ? found.value : orphans?.arrivalByNumber.get(n)
      if (arrival === undefined) {
        const reason = found.is === 'damaged' ? found.reason : 'neither its arrival nor its commit is there'
        const cut = orphans?.cut ?? null
        met.push({
          kind: 'lost',
          n,
          reason: cut === null ? reason : `${reason}; commits could not all be searched: ${cut}`,
        })
        continue
      }
      if (found.is !== 'sound') mended.push(arrivalEntry(arrival))
      met.push(check(db, arrival, mended))
    }
    if (mended.length > 0) await mend(mended)
    yield met
    // Reads are synchronous: others get their turn between batches.
    await setImmediate()
  }
}

const check = (db: Database, arrival: Arrival, mended: Entry[]): ScannedCommit => {
  const { n, chain, seq, hash } = arrival
  const found = findCommit(db, chain, seq)
  if (found.is !== 'sound')
    return { kind: 'damaged', arrival, reason: found.is === 'damaged' ? found.reason : 'its record is missing' }
  if (found.value.n !== n) return { kind: 'lost', n, reason: `it arrived again as number ${found.value.n}` }
  if (found.value.commit.hash !== hash)
    return { kind: 'damaged', arrival, reason: 'its hash is not the one that the arrival log names' }
  const indexed = findHash(db, hash)
  if (indexed.is !== 'sound' || indexed.value.chain !== chain || indexed.value.seq !== seq)
    mended.push(hashEntry(hash, chain, seq))
  return { kind: 'commit', n, commit: found.value.commit }
}

type Orphans = {
  /** Commits whose own arrival entry is not sound, found by their commit records. */
  readonly arrivalByNumber: ReadonlyMap<number, Arrival>
  /** Why the search ended early, or null. */
  readonly cut: string | null
}

const findOrphans = async (db: Database, arrivals: number): Promise<Orphans> => {
  const arrivalByNumber = new Map<number, Arrival>()
  try {
    for await (const { key, value } of entriesOf(db, letters.commit)) {
      if (key.length !== COMMIT_KEY_BYTES) continue
      const chain = chainOfCommitKey(key)
      const seq = seqOfCommitKey(key)
      const read = readCommit(chain, seq, value)
      if (read === null || read.n > arrivals || findArrival(db, read.n).is === 'sound') continue
      arrivalByNumber.set(read.n, { n: read.n, chain, seq, hash: read.commit.hash })
    }
  } catch (error) {
    return { arrivalByNumber, cut: causeOf(error) }
  }
  return { arrivalByNumber, cut: null }
}
