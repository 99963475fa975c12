/**
 * A history as the model sees it: who said what, and what each had heard when saying it. Read from the commits' plain
 * fields (`deps`, `hlc`, events) by sets and loops; nothing of the core's documents, derivation or reading is used.
 */
import type { Commit } from '../../crdt/commit.ts'
import type { Event } from '../../crdt/event.ts'
import type { PeerId, RecordId } from '../../crdt/ids.ts'

export type Say<E extends Event = Event> = {
  readonly event: E
  readonly peer: PeerId
  readonly hlc: number
  readonly segment: string | null
  readonly commit: string
  /** Place within its commit. */
  readonly place: number
}

export type Heard = {
  readonly says: readonly Say[]
  /** Memories whose texts are destroyed. */
  readonly erased: ReadonlySet<RecordId>
  /** Whether `a` was known to whoever said `b`. */
  readonly before: (a: Say, b: Say) => boolean
}

/** @param commits in an order in which every commit comes after its deps. @param log those, and what a revocation leaves out of them: an erasure is not undone. */
export const heard = (commits: readonly Commit[], log: readonly Commit[] = commits): Heard => {
  const pastByCommit = new Map<string, ReadonlySet<string>>()
  const says: Say[] = []
  for (const { hash, header, events } of commits) {
    const past = new Set<string>(header.deps)
    for (const dep of header.deps) for (const earlier of pastByCommit.get(dep) ?? []) past.add(earlier)
    pastByCommit.set(hash, past)
    for (const [place, { event }] of events.entries()) says.push({ event, peer: header.peer, hlc: header.hlc, segment: header.segment, commit: hash, place })
  }
  return {
    says,
    erased: new Set(log.flatMap(({ events }) => events.flatMap(({ event }) => (event.kind === 'memory.erase' ? [event.record] : [])))),
    before: (a, b) => (a.commit === b.commit ? a.place < b.place : (pastByCommit.get(b.commit)?.has(a.commit) ?? false)),
  }
}

/** Negative when `a` comes first in the total order that decides which value shows. */
export const compareSays = (a: Say, b: Say): number => a.hlc - b.hlc || (a.event.id < b.event.id ? -1 : a.event.id > b.event.id ? 1 : 0)
