/**
 * What the core's tests and byte vectors share: events in short form, and replicas made of nothing but the core.
 *
 * A test replica does what a peer does with a commit, in the same order (decode, verify, admit, apply), synchronously and
 * without disk or network. Everything is a function of the arguments: keys come of seed bytes, ids of numbers.
 */
import { admit, type LogView, type Verdict } from './admission.ts'
import { encodeCanonical, type Json } from './canonical.ts'
import { coveredCommits, emptyChain, extendChain, type ChainState } from './chain.ts'
import {
  chainId,
  decodeCommit,
  eventsRoot,
  sealCommit,
  withVotes,
  type Commit,
  type CommitHeader,
  type SealedEvent,
  type VerifiedCommit,
} from './commit.ts'
import { emptyControl, emptyControlChain, reduceControl, sealGenesis, votersAt, type ControlState } from './control.ts'
import { cutOf, type CutPage } from './cut.ts'
import {
  decodeEvent,
  encodeEvent,
  isDocumentEvent,
  type DocumentEvent,
  type Event,
  type Founder,
  type MeshGenesis,
} from './event.ts'
import { OWN_READS } from './event-schema.ts'
import { sha256Hex } from './hash.ts'
import type { Hlc } from './hlc.ts'
import {
  CONTROL_NAMESPACE,
  ZERO_HASH,
  bytesToHex,
  incarnation,
  type AgentId,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type EventId,
  type Incarnation,
  type MeshId,
  type Namespace,
  type PeerId,
  type PublicKey,
  type RecordId,
  type Ref,
  type SegmentId,
} from './ids.ts'
import { historyRoot } from './merkle.ts'
import { applyCommit, derive, openSegment, type Segment } from './segment.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from './signature.ts'
import { signVote } from './vote.ts'

export const NS = 'team/api' as Namespace
export const ALICE = 'ai:alice' as AgentId
/** 2026-01-01T00:00:00.000Z. */
export const NOW_MS = 1_767_225_600_000
export const hlcAt = (ms: number, counter = 0): Hlc => (ms * 1024 + counter) as Hlc

const uuid = (block: number, n: number): string =>
  `${block.toString(16).padStart(8, '0')}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
export const eventId = (n: number): EventId => uuid(0xe, n) as EventId
export const record = (n: number): RecordId => uuid(0xa, n) as RecordId
export const body = (text: string): { readonly ref: Ref } => ({ ref: sha256Hex(text) as Ref })

/** What every event has. @param n makes its id. */
export const said = <Kind extends string>(kind: Kind, n: number, ns: Namespace = NS) => ({
  v: 1 as const,
  id: eventId(n),
  ns,
  kind,
  agent: ALICE,
  at: '2026-01-01T00:00:00.000Z',
})

/** What takes a peer out, or lets it leave behind what is beyond `last`: the statement, and its table. @param n makes the first id; each page has the next. */
export const cutting = (
  kind: 'peer.revoke' | 'peer.leave_behind',
  n: number,
  peer: PeerId,
  last: CutPage,
): readonly Event[] => {
  const { name, pages } = cutOf(last)
  return [
    { ...said(kind, n, CONTROL_NAMESPACE), peer, cut: name },
    ...pages.map((page, i): Event => ({ ...said('peer.cut', n + 1 + i, CONTROL_NAMESPACE), peer, last: page })),
  ]
}

export const sealEvents = (events: readonly Event[]): readonly SealedEvent[] =>
  events.map((event) => ({ bytes: encodeEvent(event), event, attestation: null }))

/** What a build of another format may have written: any JSON that is an event at all. @throws when it is none. */
export const sealJson = (values: readonly Json[]): readonly SealedEvent[] =>
  values.map((value) => {
    const bytes = encodeCanonical(value)
    const decoded = decodeEvent(bytes)
    if (!decoded.ok) throw new Error(decoded.reason)
    return {
      bytes,
      event: decoded.event,
      attestation: null,
      ...(decoded.unread !== null && { unread: decoded.unread }),
    }
  })

export const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

// ── a mesh ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type TestMesh = {
  readonly keys: KeyPair
  readonly id: MeshId
  readonly control: VerifiedCommit[]
  say(...events: readonly Event[]): VerifiedCommit
  sayJson(...values: readonly Json[]): VerifiedCommit
  /** As a voter. */ enrol(seedByte: number): VerifiedCommit
}

/** Keys of the members that tests know. */
const SEEDS = Array.from({ length: 12 }, (_, byte) => keyPairFromSeed(seed(byte)))
export const peerOfSeed = (byte: number): PeerId => publicKeyHex(keyPairFromSeed(seed(byte))) as PeerId
export const founderOfSeed = (byte: number): Founder => ({
  peer: peerOfSeed(byte),
  name: `peer ${byte}`,
  role: 'voter',
})

/** What founds a mesh of the authority of `seedByte`. */
export const genesisOf = (seedByte: number, fields: Partial<MeshGenesis> = {}): MeshGenesis => ({
  ...said('mesh.genesis', 0x1000, CONTROL_NAMESPACE),
  name: 'test',
  authority: publicKeyHex(keyPairFromSeed(seed(seedByte))) as PublicKey,
  recovery: { threshold: 0, keys: [] },
  members: [founderOfSeed(1)],
  ...fields,
})

/** An authority with its control log, which is the genesis at first. Default: one founder, the peer of seed 1. */
export const createMesh = (seedByte = 0xaa, fields: Partial<MeshGenesis> = {}): TestMesh => {
  const keys = keyPairFromSeed(seed(seedByte))
  const first = sealGenesis(genesisOf(seedByte, fields), keys)
  const id = first.header.mesh
  const control = [first]
  let chain = extendChain(emptyControlChain(id), first, 0)
  const say = (sealed: readonly SealedEvent[]): VerifiedCommit => {
    const seq = chain.seq + 1
    const bare = sealCommit(
      {
        mesh: id,
        namespace: chain.namespace,
        peer: chain.peer,
        incarnation: chain.incarnation,
        seq,
        prev: chain.hash,
        history: bytesToHex(historyRoot(chain.history)),
        hlc: hlcAt(NOW_MS, seq),
        policy: chain.hash,
        segment: null,
        deps: [],
        eventsRoot: eventsRoot(sealed),
        eventCount: sealed.length,
        changeHash: null,
      },
      sealed,
      keys,
    )
    // Every voter whose seed is known votes.
    const voters = votersAt(
      control.reduce((state, commit) => reduceControl(state, commit), emptyControl(id)),
      seq - 1,
    )
    const commit = withVotes(
      bare,
      SEEDS.filter((pair) => voters.has(publicKeyHex(pair) as PeerId)).map((pair) => signVote(bare, pair)),
    )
    chain = extendChain(chain, commit, seq - 1)
    control.push(commit)
    return commit
  }
  const mesh: TestMesh = {
    keys,
    id,
    control,
    say: (...events) => say(sealEvents(events)),
    sayJson: (...values) => say(sealJson(values)),
    enrol: (byte) => mesh.say({ ...said('peer.enrol', 0x1000 + byte, CONTROL_NAMESPACE), ...founderOfSeed(byte) }),
  }
  return mesh
}

/** A mesh founded by one voter for each seed byte. */
export const meshOf = (...seedBytes: readonly number[]): TestMesh =>
  createMesh(0xaa, { members: seedBytes.map(founderOfSeed) })

// ── a replica ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Header fields that a test lies about before sealing. */
export type Lie = Partial<CommitHeader>

/** One peer's log and documents. Given in causal order, everything it takes is admitted. */
export const createReplica = (mesh: TestMesh, seedByte: number, incarnationMs = NOW_MS) => {
  const keys = keyPairFromSeed(seed(seedByte))
  const peer = publicKeyHex(keys) as PeerId
  const inc: Incarnation = incarnation(incarnationMs, seedByte)
  const log: Commit[] = []
  const byHash = new Map<CommitHash, Commit>()
  const chains = new Map<ChainId, ChainState>()
  const segments = new Map<SegmentId, Segment>()
  let control: ControlState = emptyControl(mesh.id)

  const view: LogView = {
    reads: OWN_READS,
    mesh: mesh.id,
    get control() {
      return control
    },
    get controlEnd() {
      return control
    },
    chain: (id) => chains.get(id) ?? null,
    hashAt: (chain, seq) => log.find((commit) => commit.chain === chain && commit.header.seq === seq)?.hash ?? null,
    forkAt: () => Number.POSITIVE_INFINITY,
    meta: (hash) => byHash.get(hash)?.header ?? null,
  }
  const segment = (id: SegmentId): Segment => {
    const open = segments.get(id) ?? openSegment(NS, id)
    segments.set(id, open)
    return open
  }
  const chainOf = (namespace: Namespace): ChainState => {
    const id = chainId(peer, inc, namespace)
    return chains.get(id) ?? emptyChain(id, peer, inc, namespace)
  }

  const judge = (commit: Commit, nowMs = NOW_MS): Verdict => {
    const [verified] = coveredCommits([commit])
    return verified === undefined ? { kind: 'refused', reason: 'not_covered' } : admit(view, verified, nowMs)
  }
  /** Bytes as they come from anywhere. @returns the verdict; when admitted, why the document leaves the commit out, or null. */
  const take = (bytes: Uint8Array, nowMs = NOW_MS): Verdict & { readonly left_out?: string | null } => {
    const decoded = decodeCommit(bytes)
    if (!decoded.ok) return { kind: 'refused', reason: decoded.reason }
    const verdict = judge(decoded.commit, nowMs)
    if (verdict.kind !== 'admitted') return verdict
    const { commit, chain, policySeq } = verdict
    log.push(commit)
    byHash.set(commit.hash, commit)
    chains.set(commit.chain, extendChain(chain, commit, policySeq))
    if (commit.header.namespace === CONTROL_NAMESPACE) control = reduceControl(control, commit)
    return {
      ...verdict,
      left_out: commit.header.segment === null ? null : applyCommit(segment(commit.header.segment), commit),
    }
  }
  /** Seals what the events make of this replica's present state; `lie` replaces header fields. Takes nothing in. */
  const seal = (hlc: Hlc, where: SegmentId | null, events: readonly Event[], lie: Lie = {}): VerifiedCommit =>
    sealAll(hlc, where, sealEvents(events), lie)
  const sealAll = (
    hlc: Hlc,
    where: SegmentId | null,
    sealed: readonly SealedEvent[],
    lie: Lie = {},
  ): VerifiedCommit => {
    const events = sealed.map(({ event }) => event)
    const chain = chainOf(events[0]!.ns)
    const header: CommitHeader = {
      mesh: mesh.id,
      namespace: chain.namespace,
      peer,
      incarnation: inc,
      seq: chain.seq + 1,
      prev: chain.hash,
      history: bytesToHex(historyRoot(chain.history)),
      hlc,
      policy: control.head ?? (ZERO_HASH as CommitHash),
      segment: where,
      ...derived(where, events, lie.deps),
      eventsRoot: eventsRoot(sealed),
      eventCount: sealed.length,
      ...lie,
    }
    return sealCommit(header, sealed, keys)
  }
  const derived = (
    where: SegmentId | null,
    events: readonly Event[],
    deps?: readonly CommitHash[],
  ): Pick<CommitHeader, 'deps' | 'changeHash'> => {
    if (where === null) return { deps: [], changeHash: null }
    const named = deps ?? [...segment(where).heads].sort()
    const derivation = derive(
      segment(where),
      { peer, incarnation: inc, chain: chainOf(NS).id },
      named,
      events.filter((event): event is DocumentEvent => isDocumentEvent(event)),
    )
    // A lie that cannot be derived still has to be sealed, to be refused.
    return 'refused' in derivation
      ? { deps: named, changeHash: ZERO_HASH as ChangeHash }
      : { deps: derivation.deps, changeHash: derivation.hash }
  }
  for (const commit of mesh.control) take(commit.bytes)
  return {
    keys,
    peer,
    incarnation: inc,
    log,
    view,
    segments,
    segment,
    chains,
    chainOf,
    judge,
    take,
    seal,
    sealAll,
    control: () => control,
    /** Seals, takes in, answers the commit. */
    write: (hlc: Hlc, where: SegmentId | null, ...events: readonly Event[]): VerifiedCommit => {
      const commit = seal(hlc, where, events)
      const verdict = take(commit.bytes)
      if (verdict.kind !== 'admitted' || verdict.left_out !== null)
        throw new Error(`own commit not taken: ${JSON.stringify(verdict)}`)
      return commit
    },
  }
}
export type TestReplica = ReturnType<typeof createReplica>
