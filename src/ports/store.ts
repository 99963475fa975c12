/**
 * The commit store: the truth on disk, as the replica needs it. `src/store/contract.ts` holds every driver to it.
 */
import type { Body } from '../../crdt/body.ts'
import type { ChainId, CommitHash, Ref } from '../../crdt/ids.ts'

/** One commit as it lies on disk. Invariant: `hash` is the commit hash of `bytes`. */
export type StoredCommit = {
  readonly chain: ChainId
  readonly seq: number
  readonly hash: CommitHash
  readonly bytes: Uint8Array
}

/** A place in the arrival log: the n-th commit (from 1) that this store took in. */
export type Arrival = { readonly n: number; readonly chain: ChainId; readonly seq: number; readonly hash: CommitHash }

/** Everything that one flush makes durable, atomically and in this order. */
export type StoreBatch = {
  /** Appended to the arrival log in this order. Given twice (same chain and seq), a commit's bytes are replaced (healing) and it keeps its arrival. */
  readonly commits?: readonly StoredCommit[]
  readonly bodies?: readonly Body[]
  /** Texts to destroy: the store forgets salt and text, and remembers that the ref was erased. */
  readonly erase?: readonly Ref[]
  /** Texts to destroy by this peer's own policy: as `erase`, but it remembers that the ref was dropped. What was erased stays so. */
  readonly drop?: readonly Ref[]
  /** Small facts under a name (at most 64 KiB each); null removes. */
  readonly facts?: readonly (readonly [name: string, value: Uint8Array | null])[]
}

/**
 * What the opening scan meets, in arrival order. A damaged commit is quarantined: named here, absent from reads, never truncated away.
 * Of a lost one not even the name is left: only that something arrived as the n-th. It comes again under a new number, as if
 * it had never been here; since it may have been of our own chain, a chain must not be continued past a lost arrival.
 */
export type ScannedCommit =
  | { readonly kind: 'commit'; readonly n: number; readonly commit: StoredCommit }
  | { readonly kind: 'damaged'; readonly arrival: Arrival; readonly reason: string }
  | { readonly kind: 'lost'; readonly n: number; readonly reason: string }

export type StoreOpening = {
  /** Random 16-byte id of this log, hex; a new folder or a lost tail gets a new one, so that others' cursors into it end. */
  readonly epoch: string
  /**
   * True only after a clean stop, in the same folder on the same file system, with the tail as the high-water mark says:
   * the condition under which a chain may be continued.
   */
  readonly continuable: boolean
  /** What is wrong with the tail, if anything: shown in health. */
  readonly tail: null | { readonly expected: number; readonly found: number }
  /** What else the opening found amiss (batches lost from the middle, a repaired database, an unreadable mark): a sentence each, for health. */
  readonly notes: readonly string[]
}

/** A record that a read found not to be what was written; the reader was told that it is absent. */
export type StoreDamage =
  | { readonly kind: 'commit'; readonly chain: ChainId; readonly seq: number; readonly reason: string }
  | { readonly kind: 'body'; readonly ref: Ref; readonly reason: string }
  /** An index entry (of the arrival log, or hash to commit) or a fact. The next opening scan restores index entries. */
  | { readonly kind: 'index'; readonly key: string; readonly reason: string }
  | { readonly kind: 'fact'; readonly name: string; readonly reason: string }

/**
 * The truth on disk. One process at a time. Reads are synchronous and hash-checked: what does not match its hash is
 * answered as absent and reported to `onDamage`.
 */
export type CommitStore = {
  readonly opening: StoreOpening
  /**
   * Every commit in arrival order; bytes are hash-checked. Called once, before anything else; where that began behind the first arrival, what
   * lies before may be read later, beside all else. @param from the first arrival. @param to the last; without it all that are there.
   */
  scan(from?: number, to?: number): AsyncIterable<readonly ScannedCommit[]>
  /**
   * Resolves AFTER the batch is on stable storage. Rejects with a `StoreFailure`; then nothing of the batch is there as long as this
   * store is open. After a crash, nothing of it or, where the failure's `mayBeThere` is true, all of it.
   */
  write(batch: StoreBatch): Promise<void>
  commit(chain: ChainId, seq: number): StoredCommit | null
  find(hash: CommitHash): { readonly chain: ChainId; readonly seq: number } | null
  arrival(n: number): Arrival | null
  /** How many commits have arrived; their numbers are 1 … arrivals. */
  arrivals(): number
  /** `dropped`: it was here, or somebody's, and a policy let it go; never taken again. */
  body(ref: Ref): Body | 'erased' | 'dropped' | null
  fact(name: string): Uint8Array | 'damaged' | null
  /** Bytes free on the file system that holds the store. */
  freeBytes(): Promise<number>
  diskBytes(): Promise<number>
  /** Why nothing can be written now, its message a line that names the mend; null when it can. The store comes back by itself. */
  trouble(): StoreFailure | null
  /** Told each time that a store which refused writes takes them again. */
  onHealed(listener: () => void): void
  /** Told of each damaged record that a read met. */
  onDamage(listener: (damage: StoreDamage) => void): void
  /** Marks a clean stop, then closes. */
  close(): Promise<void>
}

export type StoreFailureCode = 'disk_full' | 'io_error' | 'locked' | 'closed' | 'unreadable'
export class StoreFailure extends Error {
  readonly code: StoreFailureCode
  /** Of a write: whether the batch may be there at the next start, when this store is not opened anew before. */
  readonly mayBeThere: boolean
  constructor(code: StoreFailureCode, message: string, mayBeThere = false) {
    super(message)
    this.code = code
    this.mayBeThere = mayBeThere
  }
}
