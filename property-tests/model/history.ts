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
  readonly chain: string
  readonly commit: string
  /** Place within its commit. */
  readonly place: number
}

/** What was said, however often: a request that is repeated elsewhere says its event again. It happened when it was first said. */
export type Happened = { readonly first: Say; /** The first first. */ readonly copies: readonly Say[] }

export type Heard = {
  /** Every time that anything was said. */
  readonly says: readonly Say[]
  readonly happened: readonly Happened[]
  /** Memories whose texts are destroyed. */
  readonly erased: ReadonlySet<RecordId>
  /** Whether `a` was known to whoever said `b`, at that moment. */
  readonly saidBefore: (a: Say, b: Say) => boolean
  /** Whether `a`, however it was heard of, was known to whoever said `b` first. */
  readonly before: (a: Happened, b: Happened) => boolean
}

/** @param commits in an order in which every commit comes after its deps. @param log those, and what a revocation leaves out of them: an erasure is not undone. */
export const heard = (commits: readonly Commit[], log: readonly Commit[] = commits): Heard => {
  const pastByCommit = new Map<string, ReadonlySet<string>>()
  const says: Say[] = []
  for (const { hash, chain, header, events } of commits) {
    const past = new Set<string>(header.deps)
    for (const dep of header.deps) for (const earlier of pastByCommit.get(dep) ?? []) past.add(earlier)
    pastByCommit.set(hash, past)
    for (const [place, { event }] of events.entries())
      says.push({ event, peer: header.peer, hlc: header.hlc, segment: header.segment, chain, commit: hash, place })
  }
  const saidBefore = (a: Say, b: Say): boolean =>
    a.commit === b.commit ? a.place < b.place : (pastByCommit.get(b.commit)?.has(a.commit) ?? false)
  const happened = happenedIn(says)
  return {
    says,
    happened,
    saidBefore,
    erased: new Set(
      log.flatMap(({ events }) => events.flatMap(({ event }) => (event.kind === 'memory.erase' ? [event.record] : []))),
    ),
    before: (a, b) => firstAttempt(b).some((attempt) => a.copies.some((copy) => saidBefore(copy, attempt))),
  }
}

/** Whoever said it first said it in every document of the memory that he knew of. */
export const firstAttempt = ({ first, copies }: Happened): readonly Say[] =>
  copies.filter(({ chain }) => chain === first.chain)

const happenedIn = (says: readonly Say[]): Happened[] => {
  const copiesByEvent = new Map<string, Say[]>()
  for (const say of says) {
    const key = [say.event.id, say.event.kind, 'record' in say.event ? say.event.record : ''].join(' ')
    copiesByEvent.set(key, [...(copiesByEvent.get(key) ?? []), say])
  }
  return [...copiesByEvent.values()].map((all) => {
    const copies = all.sort((a, b) => a.hlc - b.hlc || (a.commit < b.commit ? -1 : 1))
    return { first: copies[0]!, copies }
  })
}

/** Negative when `a` comes first in the total order that decides which value shows. */
export const compareHappened = ({ first: a }: Happened, { first: b }: Happened): number =>
  a.hlc - b.hlc || (a.event.id < b.event.id ? -1 : a.event.id > b.event.id ? 1 : 0)
