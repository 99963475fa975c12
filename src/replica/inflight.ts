/**
 * The flush under way: what its commits will add to the log, seen by admission before it is on disk, and forgotten whole when
 * the disk refuses.
 *
 * Invariant: at most one flush is in flight, so a chain's state here follows directly on the index's.
 */
import type { LogView } from '../../crdt/admission.ts'
import type { Body } from '../../crdt/body.ts'
import { extendChain, type ChainState } from '../../crdt/chain.ts'
import { headerOf, isControlCommit, textsOf, type Commit, type VerifiedCommit } from '../../crdt/commit.ts'
import { reduceControl, type ControlState } from '../../crdt/control.ts'
import type { ChainId, CommitHash, Ref } from '../../crdt/ids.ts'
import { LRUCache } from 'lru-cache'
import type { Parcel } from '../../transports/host.ts'
import type { CommitStore } from '../ports/store.ts'
import type { Outranking } from './control-branches.ts'
import type { Forks } from './forks.ts'
import type { Authored } from './author.ts'
import { hasControlHole } from './control-places.ts'
import { forkAt, placeKey, segmentKey, type LogIndex, type SegmentEntry } from './log-index.ts'
import type { RequestId, WriteRequest } from './types.ts'

type Meta = NonNullable<ReturnType<LogView['meta']>>

/** Commits whose place and time are remembered: deps are nearly always recent. */
const METAS_REMEMBERED_MAX = 65_536

export type Flush = {
  readonly commits: Commit[]
  readonly own: Set<CommitHash>
  readonly chains: Map<ChainId, ChainState>
  readonly bodies: Map<Ref, Body>
  readonly metas: Map<CommitHash, Meta>
  readonly hashes: Map<string, CommitHash>
}

/** A flush on its way to the disk, and what is to be done with it there. */
export type InFlight = {
  readonly id: number
  readonly flush: Flush
  readonly again: readonly WriteRequest[]
  readonly authored: readonly Authored[]
  readonly requests: ReadonlyMap<RequestId, WriteRequest>
  readonly bodies: readonly Ref[]
  readonly erased: readonly Ref[]
  readonly healed: readonly Parcel[]
  readonly deliveries: readonly number[]
  readonly revises: boolean
  /** The control log that takes the place of ours with it; it brings nothing else. */
  readonly adopts: Outranking | null
  pushed: boolean
}

export const emptyFlush = (): Flush => ({
  commits: [],
  own: new Set(),
  chains: new Map(),
  bodies: new Map(),
  metas: new Map(),
  hashes: new Map(),
})

/** Adds an admitted commit, and those of `bodies` that it names. */
export const addToFlush = (
  flush: Flush,
  commit: Commit,
  chain: ChainState,
  policySeq: number,
  bodies: Iterable<Body>,
  own: boolean,
): void => {
  flush.commits.push(commit)
  if (own) flush.own.add(commit.hash)
  flush.chains.set(commit.chain, extendChain(chain, commit, policySeq))
  flush.metas.set(commit.hash, metaOf(commit.header))
  flush.hashes.set(`${commit.chain} ${commit.header.seq}`, commit.hash)
  const named = new Set(textsOf(commit))
  for (const body of bodies) if (named.has(body.ref)) flush.bodies.set(body.ref, body)
}

/** The documents that commits of others go into once they are on disk, without those that are new. */
export const documentsChangedBy = (index: LogIndex, { commits, own }: Flush): readonly SegmentEntry[] => {
  const keys = new Set(
    commits.flatMap(({ hash, header: { namespace, segment } }) =>
      segment === null || own.has(hash) ? [] : [segmentKey(namespace, segment)],
    ),
  )
  return [...keys].flatMap((key) => index.segments.get(key) ?? [])
}

/** Takes those of `bodies` that a commit of the flush names and nobody has brought yet. */
export const completeFlush = (flush: Flush, bodies: readonly Body[]): void => {
  if (bodies.length === 0 || flush.commits.length === 0) return
  const named = new Set(flush.commits.flatMap(textsOf))
  for (const body of bodies) if (named.has(body.ref) && !flush.bodies.has(body.ref)) flush.bodies.set(body.ref, body)
}

/** The log as admission sees it: the index, the store, and the flush being made. */
export const createLogView = (
  index: LogIndex,
  store: CommitStore,
  forks: Pick<Forks, 'header'>,
  flush: () => Flush,
): LogView => {
  const metas = new LRUCache<CommitHash, Meta>({ maxSize: METAS_REMEMBERED_MAX, sizeCalculation: () => 1 })
  const stored = (hash: CommitHash): Meta | null => {
    const place = store.find(hash)
    if (place === null || index.setAside.has(placeKey(place.chain, place.seq))) return null
    const commit = store.commit(place.chain, place.seq)
    const header = commit && headerOf(commit.bytes)
    return header && metaOf(header)
  }
  /** The control log with the statements of `of` up to its commit number `upto`. */
  let end: { readonly base: ControlState; readonly of: Flush; upto: number; state: ControlState } | null = null
  const controlEnd = (): ControlState => {
    const of = flush()
    if (end === null || end.of !== of || end.base !== index.control)
      end = { base: index.control, of, upto: 0, state: index.control }
    for (; end.upto < of.commits.length; end.upto++) {
      const commit = of.commits[end.upto]!
      if (isControlCommit(commit) && commit.header.seq === end.state.seq + 1)
        end.state = reduceControl(end.state, commit as VerifiedCommit, index.reads)
    }
    return end.state
  }
  return {
    reads: index.reads,
    mesh: index.mesh,
    get control() {
      return index.control
    },
    get controlEnd() {
      return hasControlHole(index) ? null : controlEnd()
    },
    chain: (id) => flush().chains.get(id) ?? index.chains.get(id) ?? null,
    hashAt: (chain, seq) => {
      const state = flush().chains.get(chain) ?? index.chains.get(chain)
      if (state?.seq === seq) return state.hash
      return flush().hashes.get(`${chain} ${seq}`) ?? store.commit(chain, seq)?.hash ?? null
    },
    forkAt: (chain, peer) => (index.out.has(peer) ? 1 : forkAt(index, chain)),
    meta: (hash) => {
      // What is under way is remembered only once it is on disk: a flush that fails leaves nothing that a later commit could rest on.
      const underWay = flush().metas.get(hash)
      if (underWay !== undefined) return underWay
      const known = metas.get(hash) ?? stored(hash)
      if (known !== null) metas.set(hash, known)
      const forked = known === null ? forks.header(hash) : null
      return known ?? (forked && metaOf(forked))
    },
  }
}

const metaOf = (header: Commit['header']): Meta => ({
  namespace: header.namespace,
  segment: header.segment,
  hlc: header.hlc,
})
