/**
 * A log's events sealed again for another mesh, by another peer: the same event bytes, attestations and texts, in as many commits, in the
 * same shape.
 *
 * Each chain of the old log becomes a chain of an incarnation of its own, each segment a segment, each dep the commit that stands for it, at
 * the hlc that it had. So each document has the same changes but for the names of actors: what was concurrent is concurrent, what is shown
 * is shown, and a memory was made when it was made. What counted for nobody (a fork's branches, what a revocation left out) stays behind.
 *
 * Two passes. Which change a commit stands for depends on its segment alone, so documents are made one after the other, and let go; then
 * commits are sealed in the order of their hlcs, which is causal whatever order they arrived in.
 */
import { emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { chainId, decodeCommit, eventsRoot, sealCommit, textsOf, type Commit } from '../../crdt/commit.ts'
import { isWriter } from '../../crdt/control.ts'
import type { DocumentEvent } from '../../crdt/event.ts'
import {
  CONTROL_NAMESPACE,
  bytesToHex,
  incarnation as incarnationId,
  segmentId,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type Incarnation,
  type Namespace,
  type PeerId,
  type RecordId,
  type Ref,
  type SegmentId,
} from '../../crdt/ids.ts'
import type { Body } from '../../crdt/body.ts'
import { limits } from '../../crdt/limits.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { applyDerived, derive, openSegment } from '../../crdt/segment.ts'
import type { KeyPair } from '../../crdt/signature.ts'
import { publicKeyHex } from '../../crdt/signature.ts'
import { NodeError } from '../errors.ts'
import type { Random } from '../ports/clock.ts'
import type { CommitStore, StoredCommit } from '../ports/store.ts'
import { segmentKey } from '../replica/log-index.ts'
import { LOOK_FOR_ALL_BODIES } from '../replica/missing-bodies.ts'
import type { Replica } from '../replica/replica-types.ts'
import type { ControlLog } from '../membership/control-log.ts'

export type Carried = { readonly memories: number; readonly events: number; readonly commits: number }

type Old = { readonly replica: Replica; readonly store: CommitStore }
type New = {
  readonly control: ControlLog
  readonly store: CommitStore
  readonly keys: KeyPair
  readonly random: Random
}

/** Commits a batch: some 10 MB at most, by their texts. */
const BATCH_COMMITS = 64

/**
 * Writes into the new store, which holds its control log and nothing else.
 * @throws NodeError when the old log is not whole, or the new peer may not write.
 */
export const carryOver = async (old: Old, to: New): Promise<Carried> => {
  requireWhole(old)
  const self = publicKeyHex(to.keys) as PeerId
  const { state } = to.control
  const policy = state.head
  if (policy === null || !isWriter(state, self))
    throw new NodeError('not_ready', 'the peer may not write in the mesh yet: ask again when its enrolment is in force')
  const names = createNames(self, to.random)
  const changes = deriveAll(old, self, names)
  const sealed = new Map<CommitHash, CommitHash>()
  const chains = new Map<ChainId, ChainState>()
  const counted = { memories: 0, events: 0, commits: 0 }
  const erased = new Set<RecordId>()
  const gone = new Map<Ref, RecordId | null>()
  let isAnyMissing = false

  const seal = (commit: Commit): Commit => {
    const { header } = commit
    const incarnation = names.incarnation(header.peer, header.incarnation)
    const id = chainId(self, incarnation, header.namespace)
    const chain = chains.get(id) ?? emptyChain(id, self, incarnation, header.namespace)
    const again = sealCommit(
      {
        ...header,
        mesh: state.mesh,
        peer: self,
        incarnation,
        seq: chain.seq + 1,
        prev: chain.hash,
        history: bytesToHex(historyRoot(chain.history)),
        policy,
        segment: header.segment === null ? null : names.segment(header.namespace, header.segment),
        deps: header.deps.map((dep) => sealed.get(dep)!).sort(),
        eventsRoot: eventsRoot(commit.events),
        changeHash: header.segment === null ? null : changes.get(commit.hash)!,
      },
      commit.events,
      to.keys,
    )
    // As every other member will judge it.
    const checked = decodeCommit(again.bytes)
    if (!checked.ok) throw new NodeError('internal', `a commit cannot be sealed for the other mesh: ${checked.reason}`)
    chains.set(id, extendChain(chain, again, state.seq))
    sealed.set(commit.hash, again.hash)
    return again
  }

  let batch: { commits: StoredCommit[]; bodies: Map<Ref, Body>; erase: Set<Ref>; drop: Set<Ref> } = emptyBatch()
  const write = async (): Promise<void> => {
    const { commits, bodies, erase, drop } = batch
    if (commits.length > 0)
      await to.store.write({ commits, bodies: [...bodies.values()], erase: [...erase], drop: [...drop] })
    batch = emptyBatch()
  }
  for (const commit of countedCommits(old)) {
    const again = seal(commit)
    batch.commits.push({ chain: again.chain, seq: again.header.seq, hash: again.hash, bytes: again.bytes })
    for (const { event } of commit.events) {
      counted.events++
      if (event.kind === 'memory.put') counted.memories++
      if (event.kind === 'memory.erase') erased.add(event.record)
    }
    for (const ref of textsOf(commit)) {
      const body = old.store.body(ref)
      if (body === 'erased') {
        batch.erase.add(ref)
        gone.set(ref, recordNaming(commit, ref))
      } else if (body === 'dropped') batch.drop.add(ref)
      else if (body === null) isAnyMissing = true
      else batch.bodies.set(ref, body)
    }
    counted.commits++
    if (batch.commits.length >= BATCH_COMMITS || batch.bodies.size >= limits.events_per_commit_max) await write()
  }
  await write()
  for (const record of gone.values())
    if (record === null || !erased.has(record))
      throw new NodeError(
        'conflict',
        'a text of this folder was erased by what counts no more in its mesh, which the other mesh could not know: bring the memories over with `mnemesh export` and `mnemesh import` instead',
      )
  if (isAnyMissing) await to.store.write({ facts: [LOOK_FOR_ALL_BODIES] })
  return counted
}

const emptyBatch = () => ({
  commits: [] as StoredCommit[],
  bodies: new Map<Ref, Body>(),
  erase: new Set<Ref>(),
  drop: new Set<Ref>(),
})

/** @throws NodeError where parts of the log are not here: what rests on them cannot be sealed. */
const requireWhole = ({ replica: { index }, store }: Old): void => {
  if (index.holes.size + index.setAside.size + index.lost.size > 0 || store.opening.tail !== null)
    throw new NodeError(
      'conflict',
      'a part of the log in this folder is damaged: start the peer, so that it fetches that from the others of its mesh, or restore the folder from a backup; then join again',
    )
}

/** What the documents hold, and episodes, in causal order. */
const countedCommits = function* ({ replica, store }: Old): Generator<Commit> {
  const places: { readonly hlc: number; readonly hash: CommitHash; readonly n: number }[] = []
  for (let n = 1; n <= store.arrivals(); n++) {
    const commit = replica.commits.arrived(n)
    if (commit !== null && commit.header.namespace !== CONTROL_NAMESPACE && replica.counts(commit))
      places.push({ hlc: commit.header.hlc, hash: commit.hash, n })
  }
  places.sort((a, b) => a.hlc - b.hlc || (a.hash < b.hash ? -1 : 1))
  let last: CommitHash | null = null
  for (const { hash, n } of places) {
    // Given twice, by a store that lost its place for a while.
    if (hash === last) continue
    last = hash
    yield replica.commits.arrived(n)!
  }
}

/** The change of each commit in a segment, by the old commit's hash. */
const deriveAll = ({ replica }: Old, self: PeerId, names: Names): ReadonlyMap<CommitHash, ChangeHash> => {
  const changes = new Map<CommitHash, ChangeHash>()
  for (const entry of replica.index.segments.values()) {
    const segment = openSegment(entry.namespace, names.segment(entry.namespace, entry.id))
    for (const n of entry.arrivals) {
      const commit = replica.commits.arrived(n)
      if (commit === null || !replica.counts(commit)) continue
      const { peer, incarnation: was, namespace, deps } = commit.header
      const incarnation = names.incarnation(peer, was)
      const derivation = derive(
        segment,
        { peer: self, incarnation, chain: chainId(self, incarnation, namespace) },
        deps,
        commit.events.map(({ event }) => event as DocumentEvent),
      )
      if ('refused' in derivation)
        throw new NodeError('internal', `a commit of this folder cannot be derived again: ${derivation.refused}`)
      applyDerived(segment, derivation, commit)
      changes.set(commit.hash, derivation.hash)
    }
    segment.document.free()
    replica.documents.drop(entry)
  }
  return changes
}

type Names = ReturnType<typeof createNames>

/** What stands for the old chains and segments: of a name each, whoever's they were. */
const createNames = (self: PeerId, random: Random) => {
  const incarnations = new Map<string, Incarnation>()
  const taken = new Set<Incarnation>()
  const segments = new Map<string, SegmentId>()
  const next = new Map<Namespace, number>()
  return {
    /** Of the time at which the old one began; two of one moment, of two peers, are told apart by chance. */
    incarnation: (peer: PeerId, was: Incarnation): Incarnation => {
      const known = incarnations.get(`${peer} ${was}`)
      if (known !== undefined) return known
      const startMs = Number.parseInt(was.slice(0, 12), 16)
      const low = new DataView(Uint8Array.from(random.bytes(2)).buffer).getUint16(0)
      let drawn = incarnationId(startMs, low)
      for (let ms = startMs + 1; taken.has(drawn); ms++) drawn = incarnationId(ms, low)
      taken.add(drawn)
      incarnations.set(`${peer} ${was}`, drawn)
      return drawn
    },
    segment: (namespace: Namespace, was: SegmentId): SegmentId => {
      const key = segmentKey(namespace, was)
      const index = next.get(namespace) ?? 0
      const id = segments.get(key) ?? segmentId(self, index)
      if (!segments.has(key)) next.set(namespace, index + 1)
      segments.set(key, id)
      return id
    },
  }
}

/** The memory whose event names the text; null where it is none's. */
const recordNaming = (commit: Commit, ref: Ref): RecordId | null => {
  for (const sealed of commit.events)
    if (textsOf({ events: [sealed] }).includes(ref)) return 'record' in sealed.event ? sealed.event.record : null
  return null
}
