/**
 * What one peer's log says at one moment, read from its disk by loops over sets: what its answers are held against.
 */
import type { Commit } from '../../crdt/commit.ts'
import { CONTROL_NAMESPACE, type RecordId, type Ref } from '../../crdt/ids.ts'
import type { MemoryDisk } from '../../src/store/memory.ts'
import { placeOf } from '../../src/store/memory.ts'
import { decodedOnce } from '../model/decoded.ts'
import { countsAt, withoutForks, withRevoked, type ForkAt, type KnownForks, outsAlso } from '../model/forks.ts'
import { heard, type Heard } from '../model/history.ts'
import { NO_TEXT, type TextOf } from '../model/memory.ts'
import type { Machine, Process } from './machine.ts'

export type LogView = {
  /** In the order of their arrival, those that count nowhere among them. */
  readonly all: readonly Commit[]
  /** Of documents, in the same order: those that count. */
  readonly counting: readonly Commit[]
  readonly hashes: ReadonlySet<string>
  readonly texts: MemoryDisk['bodyByRef']
  /** The same as long as nothing came, nothing was left out, and no text came or went. */
  readonly state: string
  readonly forkAt: ForkAt
  /** Memories that something was said of that hides them, counting or not. */
  readonly hidden: ReadonlySet<RecordId>
}

/** Of a process that runs. */
export const viewOf = (machine: Machine, { peer }: Process): LogView => {
  const disk = machine.disk.lies()
  const { replica } = peer!
  const all = disk.arrivals.slice(0, replica.index.arrivals).flatMap(({ chain, seq }) => {
    const kept = disk.commitByPlace.get(placeOf(chain, seq))
    const commit = kept && decodedOnce(kept.commit.bytes)
    return commit ? [commit] : []
  })
  const known: KnownForks = replica.forks.all()
  const forkAt = outsAlso(known, all)
  const counting = withoutForks(all, withRevoked(all, forkAt)).filter(
    ({ header }) => header.namespace !== CONTROL_NAMESPACE,
  )
  return {
    all,
    counting,
    forkAt,
    hashes: new Set(counting.map(({ hash }) => hash)),
    texts: disk.bodyByRef,
    state: `${all.length} ${counting.length} ${disk.bodyByRef.size} ${disk.erased.size} ${replica.revision.current()}`,
    hidden: new Set(
      all.flatMap(({ events }) =>
        events.flatMap(({ event }) =>
          event.kind === 'memory.forget' || event.kind === 'memory.erase' ? [event.record] : [],
        ),
      ),
    ),
  }
}

export const historyOf = ({ all, counting, forkAt }: LogView): Heard =>
  heard(
    counting,
    all.filter(({ chain, header }) => countsAt(forkAt, chain, header.seq)),
  )

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const textOfBytes = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes)
  } catch {
    return NO_TEXT
  }
}
export const textsOf = (disks: readonly MemoryDisk['bodyByRef'][]): TextOf => {
  const known = new Map<Ref, string | null>()
  return (ref) => {
    const before = known.get(ref)
    if (before !== undefined) return before
    const body = disks.map((bodies) => bodies.get(ref)).find((found) => found !== undefined)
    const text = body === undefined ? null : textOfBytes(body.text)
    known.set(ref, text)
    return text
  }
}
