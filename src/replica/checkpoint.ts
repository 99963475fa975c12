/**
 * A checkpoint: the log's index as it is behind arrival number `arrivals`, as bytes, so that a start reads only what arrived since.
 *
 * What can change while it is written is noted down first, in one turn; what only grows (records, links, events) is gone through afterwards,
 * and what is too new in it is left out, or comes again with the rest of the log and changes nothing. The control log is not in it, only where
 * it lies: it is short, and read again.
 *
 * Invariant: an index that lacks nothing alone is written (`isWhole`), and one that was read reads on as the one that was written did.
 */
import type { ChainState } from '../../crdt/chain.ts'
import type { VerifiedCommit } from '../../crdt/commit.ts'
import { reduceControl } from '../../crdt/control.ts'
import type { LinePart } from '../../crdt/epoch.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import {
  segmentIndex,
  segmentOwner,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type Incarnation,
  type Namespace,
  type PeerId,
  type RecordId,
  type SegmentId,
} from '../../crdt/ids.ts'
import { CheckpointReader, CheckpointWriter } from './checkpoint-bytes.ts'
import type { Commits } from './commits.ts'
import type { KnownFork } from './forks.ts'
import { segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'

/** Of these bytes, and of the rules by which the log is indexed: one that differs is not read. */
export const CHECKPOINT_FORMAT = 1

/** A log without gaps: nothing of it is damaged, lost, or waits for what is. */
export const isWhole = ({ holes, lost, setAside }: LogIndex): boolean => holes.size + lost.size + setAside.size === 0

/** What an index is read by besides the log: it holds for that alone. @param version of the program. */
export const circumstancesOf = (
  { mesh, reads, followed }: LogIndex,
  forks: readonly Pick<KnownFork, 'chain' | 'at'>[],
  self: PeerId,
  version: string,
): string =>
  sha256Hex(
    JSON.stringify([
      [CHECKPOINT_FORMAT, mesh, self, version, reads.level, Object.keys(reads.kinds).sort()],
      forks.map(({ chain, at }) => `${chain} ${at}`).sort(),
      followed.line.map(({ from, chain }) => `${from} ${chain}`),
    ]),
  )

const [END, ENTRY] = [0, 1]

/** @throws RangeError for an index that is not whole. Pieces are asked for one after the other, while the log goes on. */
export const encodeCheckpoint = (index: LogIndex): Iterable<Uint8Array> => {
  if (!isWhole(index)) throw new RangeError('an index that lacks something is not written')
  const { arrivals, unknownEvents, control } = index
  const namespaces = new Map([...index.namespaces].map((namespace, n) => [namespace, n]))
  const chains = [...index.chains.values()]
  const latest = [...namespaces.keys()].map((namespace) => index.chains.latestIn(namespace).map(({ id }) => id))
  const blocks = [...index.blocks].map(([chain, roots]) => [chain, roots.slice()] as const)
  const ends = [[...index.forkedAt], [...index.branchEnds]]
  const erasures = [...index.erasures]
  const segments = [...index.segments.values()].map((entry) => ({
    ...entry,
    // Numbers that are there do not change: how many there are is enough.
    count: entry.arrivals.length,
    lastSeqs: [...entry.lastSeqs],
    heads: [...entry.heads],
  }))
  const numbers = new Map([...index.segments.values()].map((entry, n) => [entry, n]))
  return (function* () {
    const to = new CheckpointWriter()
    for (const n of [arrivals, unknownEvents, control.seq, control.line.length]) to.uint(n)
    for (const { from, chain } of control.line) {
      to.uint(from)
      to.hex(chain)
    }
    to.uint(namespaces.size)
    for (const namespace of namespaces.keys()) to.text(namespace)
    to.uint(chains.length)
    for (const chain of chains) {
      putChain(to, chain)
      yield* to.pieces()
    }
    for (const ids of latest) {
      to.uint(ids.length)
      for (const id of ids) to.hex(id)
    }
    to.uint(blocks.length)
    for (const [chain, roots] of blocks) {
      to.hex(chain)
      to.uint(roots.length)
      for (const root of roots) to.raw(root)
      yield* to.pieces()
    }
    for (const places of ends) {
      to.uint(places.length)
      for (const [chain, seq] of places) {
        to.hex(chain)
        to.uint(seq)
      }
    }
    to.uint(segments.length)
    for (const segment of segments) {
      putSegment(to, segment, namespaces.get(segment.namespace)!)
      yield* to.pieces()
    }
    to.uint(erasures.length)
    for (const [record, places] of erasures) {
      to.uuid(record)
      to.uint(places.length)
      for (const { chain, seq } of places) {
        to.hex(chain)
        to.uint(seq)
      }
      yield* to.pieces()
    }
    for (const [record, links] of index.linksByRecord) {
      to.uint(ENTRY)
      to.uuid(record)
      to.uint(links.size)
      for (const link of links) to.uuid(link)
      yield* to.pieces()
    }
    to.uint(END)
    for (const [record, entry] of index.segmentsByRecord) {
      const known = (Array.isArray(entry) ? entry : [entry]).flatMap((segment) => numbers.get(segment) ?? [])
      if (known.length === 0) continue
      to.uint(ENTRY)
      to.uuid(record)
      to.uint(known.length)
      for (const n of known) to.uint(n)
      yield* to.pieces()
    }
    to.uint(END)
    for (const [prefix, numbersOf] of index.events.entries()) {
      const old = numbersOf.filter((n) => n <= arrivals)
      if (old.length === 0) continue
      to.uint(ENTRY)
      to.uint(prefix)
      to.uint(old.length)
      for (const n of old) to.uint(n)
      yield* to.pieces()
    }
    to.uint(END)
    yield* to.pieces(true)
  })()
}

const putChain = (to: CheckpointWriter, chain: ChainState): void => {
  to.hex(chain.id)
  to.hex(chain.peer)
  to.hex(chain.incarnation)
  to.text(chain.namespace)
  to.uint(chain.seq)
  to.hex(chain.hash)
  to.uint(chain.history.size)
  to.uint(chain.history.peaks.length)
  for (const peak of chain.history.peaks) to.raw(peak)
  for (const n of [chain.hlc, chain.policySeq, chain.begunAt === null ? 0 : chain.begunAt + 1]) to.uint(n)
}

const takeChain = (from: CheckpointReader): ChainState => ({
  id: from.hex(16) as ChainId,
  peer: from.hex(32) as PeerId,
  incarnation: from.hex(8) as Incarnation,
  namespace: from.text() as Namespace,
  seq: from.uint(),
  hash: from.hex(32) as CommitHash,
  history: { size: from.uint(), peaks: from.list(() => from.raw(32)) },
  hlc: from.uint() as Hlc,
  policySeq: from.uint(),
  begunAt: orNull(from.uint()),
})
const orNull = (oneMore: number): number | null => (oneMore === 0 ? null : oneMore - 1)

type FrozenSegment = Omit<SegmentEntry, 'lastSeqs' | 'heads'> & {
  readonly count: number
  readonly lastSeqs: readonly (readonly [ChainId, number])[]
  readonly heads: readonly (readonly [CommitHash, ChangeHash])[]
}

const putSegment = (to: CheckpointWriter, segment: FrozenSegment, namespace: number): void => {
  to.uint(namespace)
  to.hex(segment.id)
  to.uint(segment.count)
  // In the order in which they were read, which is not always theirs: each as it is.
  for (let n = 0; n < segment.count; n++) to.uint(segment.arrivals[n]!)
  to.uint(segment.lastSeqs.length)
  for (const [chain, seq] of segment.lastSeqs) {
    to.hex(chain)
    to.uint(seq)
  }
  to.uint(segment.heads.length)
  for (const [commit, change] of segment.heads) {
    to.hex(commit)
    to.hex(change)
  }
  to.uint(segment.memories)
  to.text(segment.oldestAt)
  to.text(segment.newestAt)
}

const takeSegment = (from: CheckpointReader, namespaces: readonly Namespace[]): SegmentEntry => ({
  namespace: namespaces[from.uint()]!,
  id: from.hex(36) as SegmentId,
  arrivals: from.list(() => from.uint()),
  lastSeqs: new Map(from.list(() => [from.hex(16) as ChainId, from.uint()])),
  heads: new Map(from.list(() => [from.hex(32) as CommitHash, from.hex(32) as ChangeHash])),
  memories: from.uint(),
  oldestAt: from.text(),
  newestAt: from.text(),
})

/**
 * Puts what was written into an index that is empty but for what is known of forks and of other lines. Answers up to which arrival it
 * speaks. @throws for bytes that are none, and where the control log cannot be read: then the index is to be emptied.
 */
export const decodeCheckpoint = (
  bytes: Uint8Array,
  index: LogIndex,
  commits: Pick<Commits, 'at'>,
  self: PeerId,
): number => {
  const from = new CheckpointReader(bytes)
  index.arrivals = from.uint()
  index.unknownEvents = from.uint()
  const controlSeq = from.uint()
  readControl(
    index,
    commits,
    controlSeq,
    from.list(() => ({ from: from.uint(), chain: from.hex(16) as ChainId })),
  )
  const namespaces = from.list(() => from.text() as Namespace)
  for (const namespace of namespaces) index.namespaces.add(namespace)
  for (let left = from.uint(); left > 0; left--) {
    const chain = takeChain(from)
    index.chains.set(chain.id, chain)
  }
  for (const namespace of namespaces)
    index.chains.wentOnLast(
      namespace,
      from.list(() => from.hex(16) as ChainId),
    )
  for (let left = from.uint(); left > 0; left--)
    index.blocks.set(
      from.hex(16) as ChainId,
      from.list(() => from.raw(32)),
    )
  for (const places of [index.forkedAt, index.branchEnds])
    for (let left = from.uint(); left > 0; left--) places.set(from.hex(16) as ChainId, from.uint())
  const segments = from.list(() => takeSegment(from, namespaces))
  for (const segment of segments) {
    index.segments.set(segmentKey(segment.namespace, segment.id), segment)
    if (segmentOwner(segment.id) === self)
      index.ownSegment.set(
        segment.namespace,
        Math.max(index.ownSegment.get(segment.namespace) ?? 0, segmentIndex(segment.id)),
      )
  }
  for (let left = from.uint(); left > 0; left--)
    index.erasures.set(
      from.uuid() as RecordId,
      from.list(() => ({ chain: from.hex(16) as ChainId, seq: from.uint() })),
    )
  while (from.uint() === ENTRY)
    index.linksByRecord.set(from.uuid() as RecordId, new Set(from.list(() => from.uuid() as RecordId)))
  while (from.uint() === ENTRY) {
    const record = from.uuid() as RecordId
    const entries = from.list(() => segments[from.uint()]!)
    index.segmentsByRecord.set(record, entries.length === 1 ? entries[0]! : entries)
  }
  while (from.uint() === ENTRY)
    index.events.put(
      from.uint(),
      from.list(() => from.uint()),
    )
  from.end()
  return index.arrivals
}

const readControl = (
  index: LogIndex,
  commits: Pick<Commits, 'at'>,
  end: number,
  line: readonly Pick<LinePart, 'from' | 'chain'>[],
) => {
  for (let seq = 1; seq <= end; seq++) {
    const chain = line.findLast(({ from }) => from <= seq)?.chain
    const commit = chain === undefined ? null : commits.at(chain, seq)
    if (commit === null) throw new RangeError(`statement ${seq} of the control log cannot be read`)
    index.control = reduceControl(index.control, commit as VerifiedCommit, index.reads)
  }
}
