/**
 * A machine's disk: what lies on it (a `MemoryDisk`), how long a flush takes, and how it fails.
 *
 * As with the real store (`src/store/healing.ts`), a write that failed makes it read-only until there is room or the cause is gone: then it
 * is opened anew by itself, and of the batch that failed nothing is left. What is met beforehand, no room at all, refuses batch by
 * batch. Started again before that, what is there of the failed batch is seen at the opening.
 *
 * A crash meets at most one unsynced batch, as the store writes one at a time. The batch is a checksummed record of 512-byte
 * sectors, of which a random subset is on the disk afterwards: all of them, and the batch is there; any fewer, and the
 * record does not match its checksum, so that opening finds a log without it.
 */
import type { CommitHash, Ref } from '../../crdt/ids.ts'
import type { Random } from '../../src/ports/clock.ts'
import { StoreFailure, type CommitStore, type StoreBatch } from '../../src/ports/store.ts'
import { memoryDisk, openMemoryStore, placeOf, type MemoryDisk } from '../../src/store/memory.ts'
import type { DiskFault } from './schedule.ts'
import type { Stream } from './streams.ts'
import type { Host, Scheduler } from './network.ts'

const SECTOR_BYTES = 512
const SLOW_FLUSH_MS = 400
const PLENTY_BYTES = 2 ** 40

export type Disk = {
  /** What lies on it; another object after a rollback. */
  lies(): MemoryDisk
  /** Checkpoints of the log's index, beside the log: what is done to that is not done to them. */
  readonly checkpoints: Map<string, Uint8Array>
  fault: DiskFault | null
  /** A write failed since it was opened. */
  hasFailed: boolean
  /** Some of the time, what a start finds of the last checkpoint is torn, or an older one under its name. */
  spoil(fate: Stream): void
  /** Opens it for a process; the one that had it open before is cut off. @param random of the process. */
  open(host: Host, random: Random): Promise<CommitStore>
  /** The process has just died: what of the batch under way is there. */
  crash(survive: Stream): Promise<'idle' | 'nothing' | 'torn' | 'whole'>
  /** A copy as a backup program or a hypervisor takes it, at any moment. */
  snapshot(): void
  /** The folder is what it was at the last snapshot; false when there was none. */
  rollback(): boolean
  /** Is from now on a copy of another disk, as it is at this moment. */
  copy(other: Disk): void
  /** Damages a record; false when there is none. @param elsewhere whether another disk holds the commit or text of this hash: damage to the only copy is loss. */
  flip(
    what: 'commit' | 'body' | 'fact' | 'missing',
    where: 'head' | 'middle' | 'tail',
    elsewhere: (hash: CommitHash | Ref) => boolean,
  ): boolean
  /** The commit and every text that it names lie on it, sound or not. */
  holds(hash: CommitHash, refs: readonly Ref[]): boolean
}

/** As in the real store: looked at first after this, then further apart. */
const LOOK_MS = 1_000
const RETRY_MS_MAX = 4_000
/** What a disk with little room takes at once. */
const TIGHT_BYTES = 2 * SECTOR_BYTES

/** @param flushMs of one flush, drawn anew for each. @param note told of what its store goes through. */
export const createDisk = (timers: Scheduler, flushMs: () => number, note: (what: string) => void): Disk => {
  let lying = memoryDisk()
  let kept: MemoryDisk | null = null
  let underWay: StoreBatch | null = null
  const checkpoints = new Map<string, Uint8Array>()
  let older: Uint8Array | null = null
  /** Failed, and on the disk nevertheless, until it is opened anew. */
  let written: StoreBatch | null = null

  /** How the fault of this moment ends a flush; null: well. */
  const endOf = (batch: StoreBatch): 'eio' | 'eio_written' | 'full' | null => {
    const { fault } = disk
    if (fault === 'tight') return bytesOf(batch) > TIGHT_BYTES ? 'full' : null
    return fault === 'slow' ? null : fault
  }
  const hasRoom = (): boolean => disk.fault === null || disk.fault === 'slow'

  const disk: Disk = {
    fault: null,
    lies: () => lying,
    checkpoints,
    spoil: (fate) => {
      const [last] = [...checkpoints].slice(-1)
      if (last === undefined) return
      const [name, bytes] = last
      if (older !== null && fate.chance(0.5)) {
        note('checkpoint: an older one')
        checkpoints.set(name, older)
      } else if (fate.chance(0.15)) {
        note('checkpoint: torn')
        checkpoints.set(name, bytes.slice(0, fate.int(0, bytes.length - 1)))
      }
      older = bytes
    },
    hasFailed: false,
    open: async (host, random) => {
      if (written !== null) {
        note('a failed batch at a start')
        await openMemoryStore({ random, disk: lying }).write(written)
      }
      written = null
      disk.hasFailed = false
      const listeners: (() => void)[] = []
      let trouble: StoreFailure | null = null
      let isWatching = false
      let waitMs = LOOK_MS
      const watch = (): void => {
        if (isWatching) return
        isWatching = true
        timers.after(waitMs, () => {
          isWatching = false
          if (!host.isAlive() || trouble === null) return
          if (host.isPaused() || !hasRoom()) {
            waitMs = Math.min(2 * waitMs, RETRY_MS_MAX)
            return watch()
          }
          note(disk.hasFailed ? 'log opened anew' : 'room again')
          written = null
          disk.hasFailed = false
          trouble = null
          waitMs = LOOK_MS
          for (const listener of listeners) listener()
        })
      }
      const refuse = (code: 'io_error' | 'disk_full', message: string, mayBeThere: boolean): StoreFailure => {
        trouble ??= new StoreFailure(code, message)
        watch()
        return new StoreFailure(code, message, mayBeThere)
      }
      const inner = openMemoryStore({
        random,
        disk: lying,
        freeBytes: () => (disk.fault === 'full' ? 0 : PLENTY_BYTES),
        flush: (batch) => {
          if (disk.hasFailed)
            return Promise.reject(new StoreFailure(trouble?.code ?? 'io_error', 'takes no writes since one failed'))
          if (disk.fault === 'full') return Promise.reject(refuse('disk_full', 'no room for a batch', false))
          underWay = batch
          return new Promise((resolve, reject) => {
            timers.after(flushMs() + (disk.fault === 'slow' ? SLOW_FLUSH_MS : 0), () => {
              if (!host.isAlive()) return
              underWay = null
              const end = endOf(batch)
              if (end === null) return resolve()
              disk.hasFailed = true
              if (end === 'eio_written') written = batch
              note(end === 'full' ? 'full in the middle of a flush' : 'a failed write')
              reject(
                end === 'full'
                  ? refuse('disk_full', 'no space left on device', true)
                  : refuse('io_error', 'input/output error on sync', true),
              )
            })
          })
        },
      })
      return {
        ...inner,
        trouble: () => trouble,
        onHealed: (listener) => void listeners.push(listener),
        // A dead process is told nothing any more.
        write: (batch) =>
          new Promise((resolve, reject) => {
            inner.write(batch).then(
              () => {
                if (host.isAlive()) resolve()
              },
              (error: unknown) => {
                if (host.isAlive()) reject(error instanceof Error ? error : new Error(String(error)))
              },
            )
          }),
        close: async () => {
          if (!disk.hasFailed) await inner.close()
        },
      }
    },
    crash: async (survive) => {
      const batch = underWay
      underWay = null
      if (batch === null) return 'idle'
      const sectors = Math.ceil(bytesOf(batch) / SECTOR_BYTES)
      const there = Array.from({ length: sectors }, () => survive.chance(0.6)).filter(Boolean).length
      if (there < sectors) return there === 0 ? 'nothing' : 'torn'
      await openMemoryStore({ random: survive, disk: lying }).write(batch)
      return 'whole'
    },
    snapshot: () => {
      kept = copyOf(lying)
    },
    rollback: () => {
      if (kept === null) return false
      underWay = null
      written = null
      lying = { ...copyOf(kept), clean: false }
      return true
    },
    copy: (other) => {
      // Another folder is another log: the store would see it by its lock file, and begin a new epoch.
      lying = { ...copyOf(other.lies()), clean: false, epoch: null }
      for (const [name, bytes] of other.checkpoints) checkpoints.set(name, bytes)
    },
    flip: (what, where, elsewhere) => damage(lying, what, where, elsewhere),
    holds: (hash, refs) => {
      const place = lying.placeByHash.get(hash)
      return (
        place !== undefined &&
        lying.commitByPlace.get(placeOf(place.chain, place.seq))?.commit.hash === hash &&
        refs.every((ref) => lying.bodyByRef.has(ref) || lying.erased.has(ref))
      )
    },
  }
  return disk
}

const bytesOf = ({ commits = [], bodies = [], erase = [], drop = [], facts = [] }: StoreBatch): number =>
  [
    ...commits.map(({ bytes }) => bytes.length + 64),
    ...bodies.map(({ text }) => text.length + 64),
    ...[...erase, ...drop].map(() => 48),
    ...facts.map(([, value]) => (value?.length ?? 0) + 32),
  ].reduce((sum, bytes) => sum + bytes, 64)

export const copyOf = (disk: MemoryDisk): MemoryDisk => ({
  ...disk,
  commitByPlace: new Map(disk.commitByPlace),
  numberByPlace: new Map(disk.numberByPlace),
  placeByHash: new Map(disk.placeByHash),
  arrivals: [...disk.arrivals],
  bodyByRef: new Map(disk.bodyByRef),
  erased: new Set(disk.erased),
  dropped: new Set(disk.dropped),
  factByName: new Map(disk.factByName),
})

const damage = (
  disk: MemoryDisk,
  what: 'commit' | 'body' | 'fact' | 'missing',
  where: 'head' | 'middle' | 'tail',
  elsewhere: (hash: CommitHash | Ref) => boolean,
): boolean => {
  const at = <T>(entries: readonly T[]): T | undefined =>
    entries[where === 'head' ? 0 : where === 'tail' ? entries.length - 1 : entries.length >> 1]
  // Added, not flipped: damage that comes twice must not undo itself.
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte + 1 : byte))
  if (what === 'body') {
    const body = at([...disk.bodyByRef.values()].filter(({ ref, text }) => text.length > 0 && elsewhere(ref)))
    if (body !== undefined) disk.bodyByRef.set(body.ref, { ...body, text: flipped(body.text) })
    return body !== undefined
  }
  if (what === 'fact') {
    const entry = at([...disk.factByName])
    if (entry !== undefined) disk.factByName.set(entry[0], { ...entry[1], value: flipped(entry[1].value) })
    return entry !== undefined
  }
  const entry = at([...disk.commitByPlace].filter(([, { commit }]) => elsewhere(commit.hash)))
  if (entry === undefined) return false
  const [place, record] = entry
  if (what === 'missing') disk.commitByPlace.delete(place)
  else disk.commitByPlace.set(place, { ...record, commit: { ...record.commit, bytes: flipped(record.commit.bytes) } })
  return true
}
