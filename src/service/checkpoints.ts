/**
 * When checkpoints of the log's index are written and read (`src/replica/checkpoint.ts` is what one holds).
 *
 * A checkpoint counts when a fact in the log names it: its digest, the arrival up to which it speaks, and what else it holds for. The fact is
 * written behind it, so a crash leaves the one before, and a log that was put back names the one that was its own then. Whatever does not fit
 * (another log, program, format, fork, or other bytes) is not read: the index is made again from the log.
 *
 * One is written at a clean stop, and in the background once the log has grown by an eighth, so that all of them together are at most some
 * nine times the size of the last.
 */
import { joined, sha256, sha256Hex } from '../../crdt/hash.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import type { CheckpointFiles } from '../ports/checkpoint.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Boot, BootCheckpoints, Checkpointed } from '../replica/boot.ts'
import { PIECE_BYTES } from '../replica/checkpoint-bytes.ts'
import { circumstancesOf, decodeCheckpoint, encodeCheckpoint, isWhole } from '../replica/checkpoint.ts'
import type { Shell } from '../replica/effects.ts'
import { clearLogIndex } from '../replica/log-index.ts'
import type { Replica } from '../replica/replica-types.ts'

const FACT = 'log/checkpoint'
/** More is not read: some 20 million commits. */
const BYTES_MAX = 2 ** 31
/** What is read from the log in about the time that a checkpoint takes to be written, 0.2 s: less growth is worth none. */
const GROWTH_MIN = 2_048
const GROWTH_SHARE = 8
/** At a stop nobody waits for a write: what takes longer to read than 50 ms is worth one. */
const STOP_GROWTH_MIN = 512

export type CheckpointOptions = {
  readonly replica: Replica
  readonly store: CommitStore
  readonly files: CheckpointFiles
  readonly version: string
  readonly after: (ms: number, call: () => void) => unknown
  /** Arrivals after which one is written, at least; for tests and worlds whose logs are short. */
  readonly growthMin?: number
  /** Told why one could not be written: the next start reads more of the log, nothing else. */
  readonly trouble: (message: string) => void
}

export type Checkpoints = BootCheckpoints & {
  /** From now on they are written as the log grows. */
  start(shell: Shell, booted: Boot): void
  /** The log lacks something that the index has: this process writes none any more. */
  giveUp(): Promise<void>
  /** Writes the last one; nothing goes on any more. */
  stop(): Promise<void>
}

type Named = Checkpointed & { readonly name: string; readonly bytes: number; readonly holds: string }

export const createCheckpoints = (options: CheckpointOptions): Checkpoints => {
  const { replica, store, files, after, growthMin = GROWTH_MIN } = options
  const { index } = replica
  let saved = 0
  let lost = 0
  let isGivenUp = false
  let writing: Promise<void> | null = null
  let stopListening = (): void => undefined

  /** What a checkpoint must have been made under to be read now; of a log that is another one the last arrival is another. */
  const holding = (arrivals: number): string => {
    const last = store.arrival(arrivals)
    const circumstances = circumstancesOf(index, replica.forks.all(), replica.self, options.version)
    return sha256Hex(`${store.opening.epoch} ${circumstances} ${last?.chain} ${last?.seq} ${last?.hash}`)
  }

  const restore = async (): Promise<Checkpointed | null> => {
    const { tail, notes } = store.opening
    const named = tail === null && notes.length === 0 ? read(store.fact(FACT)) : null
    if (named === null || named.arrivals > store.arrivals()) return null
    if (named.holds !== holding(named.arrivals)) return null
    const bytes = await files.read(named.name, BYTES_MAX).catch(() => null)
    if (bytes === null || bytes.length !== named.bytes || digestOf(sumsOf(bytes)) !== named.name) return null
    const { control, forkedAt } = index
    const forks = [...forkedAt]
    try {
      if (decodeCheckpoint(bytes, index, replica.commits, replica.self) === named.arrivals) {
        saved = named.arrivals
        return named
      }
    } catch (error) {
      options.trouble(`the checkpoint ${named.name} could not be read (${String(error)}): all of the log is read`)
    }
    clearLogIndex(index)
    index.control = control
    forkedAt.clear()
    for (const [chain, at] of forks) forkedAt.set(chain, at)
    return null
  }

  const drop = async (): Promise<void> => {
    saved = 0
    const gone = await Promise.allSettled([store.write({ facts: [[FACT, null]] }), files.keep(null)])
    const [first] = gone.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []))
    if (first !== undefined) options.trouble(`an old checkpoint could not be removed (${first})`)
  }

  const write = async (): Promise<void> => {
    const { arrivals } = index
    const holds = holding(arrivals)
    const sums: Uint8Array[] = []
    let bytes = 0
    const pieces = encodeCheckpoint(index)
    const inTurns = async function* (): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) {
        sums.push(sha256(piece))
        bytes += piece.length
        yield piece
        await new Promise<void>((resolve) => void after(0, resolve))
      }
    }
    const revision = replica.revision.current()
    const name = await files.write(inTurns(), () => digestOf(sums))
    // What damage, a healing or a fork changed meanwhile is in a part of it, or in none.
    if (!isWhole(index) || revision !== replica.revision.current() || holds !== holding(arrivals)) return
    const named = [name, bytes, arrivals, arrivals - lost, lost, holds]
    await store.write({ facts: [[FACT, pack(named)]] })
    saved = arrivals
    await files.keep(name)
  }

  const giveUp = async (): Promise<void> => {
    stopListening()
    isGivenUp = true
    await writing
    await drop()
  }

  const writeOnce = (): Promise<void> => {
    writing ??= write()
      .catch((error: unknown) =>
        options.trouble(
          `no checkpoint of the log could be written (${error instanceof Error ? error.message : String(error)}): the next start reads more of the log`,
        ),
      )
      .finally(() => {
        writing = null
      })
    return writing
  }
  const hasGrownBy = (least: number): boolean => !isGivenUp && index.arrivals - saved >= least && isWhole(index)

  return {
    restore,
    drop,
    giveUp,
    start: (shell, booted) => {
      lost = booted.lost
      const look = (): void => {
        if (writing === null && hasGrownBy(Math.max(growthMin, saved / GROWTH_SHARE))) void writeOnce()
      }
      stopListening = shell.onGrown(look)
      look()
    },
    stop: async () => {
      stopListening()
      await writing
      if (hasGrownBy(Math.min(growthMin, STOP_GROWTH_MIN))) await writeOnce()
    },
  }
}

const sumsOf = (bytes: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, n) =>
    sha256(bytes.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES)),
  )
/** The name of a checkpoint: the digest of its pieces' digests. */
const digestOf = (sums: readonly Uint8Array[]): string => sha256Hex(joined(sums))

const read = (fact: Uint8Array | 'damaged' | null): Named | null => {
  const value = fact instanceof Uint8Array ? unpack(fact) : null
  if (!Array.isArray(value) || value.length !== 6) return null
  const [name, bytes, arrivals, commits, lost, holds] = value
  return typeof name === 'string' &&
    typeof bytes === 'number' &&
    typeof arrivals === 'number' &&
    typeof commits === 'number' &&
    typeof lost === 'number' &&
    typeof holds === 'string'
    ? { name, bytes, arrivals, commits, lost, holds }
    : null
}
