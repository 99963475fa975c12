/**
 * One hash over all documents, and one of each namespace's: equal on two members that applied the same commits, in whatever order
 * they came. Kept up to date with each flush, so that asking for it opens no document.
 *
 * Each document that holds anything is an element (its namespace, its segment, its heads) of two set hashes (`crdt/set-hash.ts`). Heads
 * follow from the headers of commits alone, but for commits that the document refused; those are found by replaying it. After a start
 * the headers come by anyway, and of the documents only those are replayed, one by one and in short turns, that may have refused
 * something: a fact in the store names them, and up to which arrival that holds. Whatever it does not speak for is replayed.
 *
 * Invariants:
 * 1. The hashes are those of what is on stable storage, between two inputs; documents themselves may be ahead by the flush under way.
 * 2. While documents wait to be looked at there is no digest, rather than a wrong one.
 */
import type { Commit } from '../../crdt/commit.ts'
import { sha256 } from '../../crdt/hash.ts'
import type { ChainId, ChangeHash, Namespace, PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack, unpack } from '../../crdt/msgpack.ts'
import { addSet, addToSet, emptySetHash, removeFromSet, setDigest, type SetHash } from '../../crdt/set-hash.ts'
import type { CommitStore, StoreBatch } from '../ports/store.ts'
import type { Commits } from './commits.ts'
import { isLeftOut, segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'
import { startReplay, type OpenSegment, type Replay } from './replay.ts'

export type DocumentDigests = {
  /** Of all documents: 64 hex digits; null while any waits. */
  all(): string | null
  /** Of these namespaces' documents each; null where one of them waits. */
  of(namespaces: Iterable<Namespace>): ReadonlyMap<Namespace, string | null>
  /** How many documents wait to be looked at. */
  readonly waiting: number
  /** The document is what the log on stable storage says. */
  take(opened: OpenSegment): void
  /** An own commit, which its document holds, is on disk and in the index. */
  written(commit: Commit): void
  /** Documents that hold what a fork or a revocation of such a chain leaves out wait to be looked at. */
  cut(isCut: (chain: ChainId, peer: PeerId | null) => boolean): void
  /** What was taken and written since the last call goes into the hashes, as before each answer: some 25 µs a document. */
  refresh(): void
  /**
   * The index has been read from the log.
   * @param lostBefore null at the opening; what the index lacked, when it was read anew since something came back.
   */
  read(lostBefore: Iterable<Place> | null): void
  /** What a flush makes durable besides. @param heals it brings back what lies before other arrivals. */
  facts(heals: boolean): NonNullable<StoreBatch['facts']>
  /** Looks at documents that wait, until `events` of them have been replayed. */
  work(events: number): void
}

type Place = { readonly chain: ChainId; readonly seq: number }

/** Of the fact's form, and of the rules by which documents refuse. */
const FACT = 'documents/refusing/1'
/** The fact is written again after so many arrivals, or as many as it names documents: a start replays what came since. */
const SAVED_EVERY_ARRIVALS = 4
/** Documents that the fact names, of 5 bytes: more would not fit into a fact, and then a start replays all. */
const NAMED_MAX = 8_192
/** What taking a document's heads from the index costs, in events replayed. */
const HEADS_COST = 0.25

export const createDocumentDigests = (index: LogIndex, commits: Commits, store: CommitStore): DocumentDigests => {
  let all = emptySetHash()
  const byNamespace = new Map<Namespace, SetHash>()
  const elements = new Map<string, Uint8Array>()
  /** True: it has to be replayed; false: its heads in the index are right. */
  const waiting = new Map<string, boolean>()
  const changed = new Set<string>()
  /** Documents that lack commits of the log. */
  const refusing = new Set<string>()
  /** Up to which arrival the fact speaks; 0 when there is none. */
  let saved = 0
  let running: { readonly key: string; readonly replay: Replay } | null = null

  const put = (key: string): void => {
    const entry = index.segments.get(key)
    const before = elements.get(key)
    const element = entry === undefined ? null : elementOf(entry)
    if (
      entry === undefined ||
      (element === null ? before === undefined : before !== undefined && equalBytes(before, element))
    )
      return
    const change = emptySetHash()
    if (before !== undefined) removeFromSet(change, before)
    if (element !== null) addToSet(change, element)
    const state = byNamespace.get(entry.namespace) ?? emptySetHash()
    byNamespace.set(entry.namespace, state)
    addSet(state, change)
    addSet(all, change)
    if (element === null) elements.delete(key)
    else elements.set(key, element)
  }
  const stopReplay = (): void => {
    running?.replay.opened().segment.document.free()
    running = null
  }
  const wait = (key: string, replays: boolean): void => {
    if (running?.key === key) stopReplay()
    waiting.set(key, replays)
  }
  const take = ({ segment, damaged }: OpenSegment): void => {
    const key = segmentKey(segment.namespace, segment.id)
    const entry = index.segments.get(key)
    if (entry === undefined) return
    entry.heads.clear()
    for (const head of segment.heads) entry.heads.set(head, segment.changeByCommit.get(head)!.change as ChangeHash)
    if (damaged || segment.refused.size > 0) refusing.add(key)
    else refusing.delete(key)
    waiting.delete(key)
    changed.add(key)
  }
  const refresh = (): void => {
    for (const key of changed) if (!waiting.has(key)) put(key)
    changed.clear()
  }
  const replayOn = (key: string, entry: SegmentEntry): number => {
    if (running?.key !== key) stopReplay()
    running ??= { key, replay: startReplay(index, commits, entry) }
    const events = running.replay.step()
    if (events !== null) return Math.max(1, events)
    take(running.replay.opened())
    stopReplay()
    return 1
  }
  /** Documents that may have refused something, by what the store remembers. */
  const mayRefuse = (): ((entry: SegmentEntry) => boolean) => {
    const known = restored(store)
    saved = known?.upTo ?? 0
    const named = new Set(known?.named)
    const unmet = new Set(named)
    for (const { arrivals } of index.segments.values()) for (const n of arrivals) unmet.delete(n)
    // One that is not found may be any.
    if (known === null || unmet.size > 0) return () => true
    return ({ arrivals }) => arrivals.some((n) => n > known.upTo || named.has(n))
  }

  return {
    all: () => {
      refresh()
      return waiting.size > 0 ? null : setDigest(all)
    },
    of: (namespaces) => {
      refresh()
      const unsure = new Set<Namespace>()
      for (const key of waiting.keys()) unsure.add(index.segments.get(key)!.namespace)
      return new Map(
        Array.from(namespaces, (namespace) => [
          namespace,
          unsure.has(namespace) ? null : setDigest(byNamespace.get(namespace) ?? emptySetHash()),
        ]),
      )
    },
    get waiting() {
      return waiting.size
    },
    take,
    written: ({ header: { namespace, segment } }) => {
      if (segment !== null) changed.add(segmentKey(namespace, segment))
    },
    cut: (isCut) => {
      for (const [key, { lastSeqs }] of index.segments) {
        for (const [chain, last] of lastSeqs)
          if (isCut(chain, index.chains.get(chain)?.peer ?? null) && isLeftOut(index, chain, last)) wait(key, true)
      }
    },
    refresh,
    read: (lostBefore) => {
      stopReplay()
      const lost = firstOf([...index.lost.values(), ...(lostBefore ?? [])])
      const unread = [...waiting].filter(([, replays]) => replays).map(([key]) => key)
      for (const known of [byNamespace, elements, waiting, changed]) known.clear()
      all = emptySetHash()
      const known = new Set([...unread, ...refusing])
      const may = lostBefore === null ? mayRefuse() : (_entry: SegmentEntry, key: string) => known.has(key)
      for (const [key, entry] of index.segments) {
        const misses = [...entry.lastSeqs].some(
          ([chain, last]) => isLeftOut(index, chain, last) || last >= (lost.get(chain) ?? Number.POSITIVE_INFINITY),
        )
        wait(key, misses || may(entry, key))
      }
    },
    facts: (heals) => {
      if (heals) {
        saved = 0
        return [[FACT, null]]
      }
      if (index.arrivals - saved < Math.max(SAVED_EVERY_ARRIVALS, refusing.size)) return []
      const named = [...refusing, ...[...waiting].filter(([, replays]) => replays).map(([key]) => key)].flatMap(
        (key) => index.segments.get(key)?.arrivals[0] ?? [],
      )
      saved = index.arrivals
      return [[FACT, named.length > NAMED_MAX ? null : pack([store.opening.epoch, index.arrivals, named])]]
    },
    work: (events) => {
      for (let left = events; left > 0 && waiting.size > 0;) {
        const [key, replays] = waiting.entries().next().value!
        const entry = index.segments.get(key)!
        if (replays) left -= replayOn(key, entry)
        else {
          waiting.delete(key)
          changed.add(key)
          left -= HEADS_COST
        }
      }
      refresh()
    },
  }
}

/** 32 bytes; null for a document of which everything was left out: another peer may never have been sent it. */
const elementOf = ({ namespace, id, heads }: SegmentEntry): Uint8Array | null =>
  heads.size === 0 ? null : sha256(`mnemesh/document/1\n${namespace}\n${id}\n${[...heads.values()].sort().join('\n')}`)

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i])

const firstOf = (places: readonly Place[]): ReadonlyMap<ChainId, number> => {
  const first = new Map<ChainId, number>()
  for (const { chain, seq } of places) first.set(chain, Math.min(seq, first.get(chain) ?? seq))
  return first
}

/** Null for a fact of another log, or of one that was cut short, and for what is no such fact. */
const restored = (store: CommitStore): { readonly upTo: number; readonly named: readonly number[] } | null => {
  const bytes = store.fact(FACT)
  const value = bytes instanceof Uint8Array && bytes.length <= limits.store_fact_bytes_max ? unpack(bytes) : null
  if (!Array.isArray(value)) return null
  const [epoch, upTo, named] = value
  if (epoch !== store.opening.epoch || typeof upTo !== 'number' || upTo > store.arrivals() || !Array.isArray(named))
    return null
  return { upTo, named: named.filter((n) => typeof n === 'number') }
}
