/**
 * The commit store in memory: the same promises as the one on disk, for tests and for the simulated world.
 *
 * What survives lies in a `MemoryDisk`. Opening the same disk again without `close` is a crash: the former store is cut off
 * at once, its unflushed batch is never there, and the opening is not continuable. Records carry checksums, so a test may
 * damage the disk and see it noticed.
 */
import { refOf } from '../../crdt/body.ts'
import type { Body } from '../../crdt/body.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import { bytesToHex } from '../../crdt/ids.ts'
import type { ChainId, CommitHash, Ref } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import type { Random } from '../ports/clock.ts'
import type { Arrival, CommitStore, ScannedCommit, StoreBatch, StoredCommit, StoreOpening } from '../ports/store.ts'
import { assertBatch, isEmpty } from './batch.ts'
import { closed } from './failure.ts'
import { damageReport } from './reads.ts'
import { takeTurns } from '../turns.ts'

type Kept = { readonly commit: StoredCommit; readonly sum: string }

/** What survives a stop or a crash. Its maps may be damaged by tests; nothing else writes to them but the store that has it open. */
export type MemoryDisk = {
  epoch: string | null
  clean: boolean
  /** How often it was opened: the store of an earlier opening is cut off. */
  openings: number
  readonly commitByPlace: Map<string, Kept>
  /** Arrival numbers; also of a commit whose record is gone. */
  readonly numberByPlace: Map<string, number>
  readonly placeByHash: Map<CommitHash, { readonly chain: ChainId; readonly seq: number }>
  /** Arrival n lies at index n - 1. */
  readonly arrivals: Arrival[]
  readonly bodyByRef: Map<Ref, Body>
  readonly erased: Set<Ref>
  readonly dropped: Set<Ref>
  readonly factByName: Map<string, { readonly value: Uint8Array; readonly sum: string }>
}

export const memoryDisk = (): MemoryDisk => ({
  epoch: null,
  clean: false,
  openings: 0,
  commitByPlace: new Map(),
  numberByPlace: new Map(),
  placeByHash: new Map(),
  arrivals: [],
  bodyByRef: new Map(),
  erased: new Set(),
  dropped: new Set(),
  factByName: new Map(),
})

export type MemoryStoreOptions = {
  readonly random: Random
  readonly disk?: MemoryDisk
  /** The flush: the batch is on the disk when it resolves, and not at all when it rejects (with a `StoreFailure`). Default: at once. */
  readonly flush?: (batch: StoreBatch) => Promise<void>
  /** Bytes free; default plenty. */
  readonly freeBytes?: () => number
}

export const placeOf = (chain: ChainId, seq: number): string => `${chain}/${seq}`

export const openMemoryStore = ({
  random,
  disk = memoryDisk(),
  flush = async () => undefined,
  freeBytes = () => 2 ** 40,
}: MemoryStoreOptions): CommitStore => {
  const opening: StoreOpening = {
    epoch: disk.epoch ?? bytesToHex(random.bytes(16)),
    continuable: disk.clean,
    tail: null,
    notes: [],
  }
  disk.epoch = opening.epoch
  disk.clean = false
  disk.openings += 1
  const own = disk.openings
  const damage = damageReport()
  const inTurn = takeTurns()
  let isClosed = false

  const assertOpen = (): void => {
    if (isClosed || disk.openings !== own) throw closed('memory')
  }

  return {
    opening,
    async *scan(first = 1, to = disk.arrivals.length) {
      assertOpen()
      for (let from = first - 1; from < to; from += limits.store_scan_commits) {
        yield disk.arrivals
          .slice(from, Math.min(from + limits.store_scan_commits, to))
          .map((arrival) => scanned(disk, arrival))
      }
    },
    async write(batch) {
      assertOpen()
      assertBatch(batch)
      if (isEmpty(batch)) return
      await inTurn(async () => {
        await flush(batch)
        if (disk.openings !== own) throw closed('memory')
        apply(disk, batch)
      })
    },
    commit(chain, seq) {
      assertOpen()
      const kept = disk.commitByPlace.get(placeOf(chain, seq))
      if (kept === undefined) return null
      if (isSound(kept)) return kept.commit
      damage.tell({ kind: 'commit', chain, seq, reason: WRONG_SUM })
      return null
    },
    find(hash) {
      assertOpen()
      return disk.placeByHash.get(hash) ?? null
    },
    arrival(n) {
      assertOpen()
      return disk.arrivals[n - 1] ?? null
    },
    arrivals: () => disk.arrivals.length,
    body(ref) {
      assertOpen()
      if (disk.erased.has(ref)) return 'erased'
      const body = disk.bodyByRef.get(ref)
      if (body === undefined) return disk.dropped.has(ref) ? 'dropped' : null
      if (refOf(body.salt, body.text) === ref) return body
      damage.tell({ kind: 'body', ref, reason: WRONG_SUM })
      return null
    },
    fact(name) {
      assertOpen()
      const fact = disk.factByName.get(name)
      if (fact === undefined) return null
      if (sha256Hex(fact.value) === fact.sum) return fact.value
      damage.tell({ kind: 'fact', name, reason: WRONG_SUM })
      return 'damaged'
    },
    freeBytes: async () => freeBytes(),
    async diskBytes() {
      let sum = 0
      for (const { commit } of disk.commitByPlace.values()) sum += commit.bytes.length
      for (const { text } of disk.bodyByRef.values()) sum += text.length
      return sum
    },
    trouble: () => null,
    onHealed: () => undefined,
    onDamage: damage.listen,
    async close() {
      if (isClosed || disk.openings !== own) return
      isClosed = true
      await inTurn(async () => undefined)
      if (disk.openings === own) disk.clean = true
    },
  }
}

const WRONG_SUM = 'its bytes do not match their checksum'

const sumOf = ({ chain, seq, hash, bytes }: StoredCommit): string => sha256Hex(chain, String(seq), hash, bytes)
const isSound = ({ commit, sum }: Kept): boolean => sumOf(commit) === sum

const scanned = (disk: MemoryDisk, arrival: Arrival): ScannedCommit => {
  const kept = disk.commitByPlace.get(placeOf(arrival.chain, arrival.seq))
  if (kept !== undefined && isSound(kept)) return { kind: 'commit', n: arrival.n, commit: kept.commit }
  return { kind: 'damaged', arrival, reason: kept === undefined ? 'its record is missing' : WRONG_SUM }
}

const apply = (
  disk: MemoryDisk,
  { commits = [], bodies = [], erase = [], drop = [], facts = [] }: StoreBatch,
): void => {
  for (const given of commits) {
    const commit = { ...given, bytes: given.bytes.slice() }
    const { chain, seq, hash } = commit
    const place = placeOf(chain, seq)
    const n = disk.numberByPlace.get(place) ?? disk.arrivals.length + 1
    const earlier = disk.arrivals[n - 1]
    if (earlier !== undefined && earlier.hash !== hash) disk.placeByHash.delete(earlier.hash)
    disk.arrivals[n - 1] = { n, chain, seq, hash }
    disk.numberByPlace.set(place, n)
    disk.commitByPlace.set(place, { commit, sum: sumOf(commit) })
    disk.placeByHash.set(hash, { chain, seq })
  }
  for (const { ref, salt, text } of bodies)
    if (!disk.erased.has(ref) && !disk.dropped.has(ref))
      disk.bodyByRef.set(ref, { ref, salt: salt.slice(), text: text.slice() })
  for (const ref of erase) {
    disk.erased.add(ref)
    disk.bodyByRef.delete(ref)
  }
  for (const ref of drop) {
    disk.dropped.add(ref)
    disk.bodyByRef.delete(ref)
  }
  for (const [name, value] of facts) {
    if (value === null) disk.factByName.delete(name)
    else disk.factByName.set(name, { value: value.slice(), sum: sha256Hex(value) })
  }
}
