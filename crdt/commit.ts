/**
 * A commit is what a peer seals: one or more events, one signature, at most one Automerge change.
 *
 * bytes   = pack([header, [event…], [attestation | nil…], signature, [[voter, vote]…]])
 * header  = pack([1, mesh, namespace, peer, incarnation, seq, prev, history, hlc, policy, segment, deps, eventsRoot,
 *                 eventCount, changeHash])
 * hash    = SHA-256("mnemesh/commit/1" ‖ 0x00 ‖ header), and the signature (Ed25519) is over exactly that.
 *
 * `eventsRoot` is the RFC 6962 root over the leaves SHA-256(event) ‖ attestation; `history` the RFC 6962 root over the
 * hashes of the chain's earlier commits. `segment` and `changeHash` are empty in a log-only commit (episodes, control).
 * `deps` are commit hashes of the same segment, ascending, none twice. Votes (`vote.ts`) stand on control commits alone, by voter,
 * ascending; they are in no hash, as the signature is not.
 *
 * Three types for three degrees of trust: `Commit` is well formed, `VerifiedCommit` also covered by a valid signature
 * (`chain.ts`), `AdmittedCommit` also allowed (`admission.ts`). Only the last may reach the store.
 */
import type { Event, Unread } from './event.ts'
import { bodyRefs, decodeEvent, isDocumentEvent } from './event.ts'
import { FIRST_LEVEL } from './level.ts'
import { levelOfKind, OWN_READS, readsAt, type Reads } from './event-schema.ts'
import { concat, sha256, sha256Hex } from './hash.ts'
import type { Hlc } from './hlc.ts'
import { parseHlc } from './hlc.ts'
import {
  CONTROL_NAMESPACE,
  bytesToHex,
  hexToBytes,
  parseNamespace,
  segmentOwner,
  type ChainId,
  type ChangeHash,
  type CommitHash,
  type Incarnation,
  type MeshId,
  type Namespace,
  type PeerId,
  type Ref,
  type SegmentId,
} from './ids.ts'
import { limits } from './limits.ts'
import { merkleRoot } from './merkle.ts'
import { pack } from './msgpack.ts'
import { readPacked, readStart, type PackedReader } from './packed-reader.ts'
import { sign, verify, type KeyPair } from './signature.ts'

export type CommitHeader = {
  readonly mesh: MeshId
  readonly namespace: Namespace
  readonly peer: PeerId
  readonly incarnation: Incarnation
  /** From 1. */
  readonly seq: number
  /** Hash of the commit before; zero for the first. */
  readonly prev: CommitHash
  /** RFC 6962 root (hex) over the hashes of commits 1 … seq − 1 of this chain. */
  readonly history: string
  readonly hlc: Hlc
  /** The control commit under which it was written; zero only in the control log's first. */
  readonly policy: CommitHash
  readonly segment: SegmentId | null
  readonly deps: readonly CommitHash[]
  readonly eventsRoot: string
  readonly eventCount: number
  readonly changeHash: ChangeHash | null
}

export type SealedEvent = {
  readonly bytes: Uint8Array
  readonly event: Event
  /** An agent's Ed25519 signature over the event's bytes, or null. */
  readonly attestation: Uint8Array | null
  /** What of the bytes is not in `event`, as it means nothing at the level at which it was read; absent where nothing is. */
  readonly unread?: Unread
}

/** A voter's countersignature of a control commit (`vote.ts`). */
export type Vote = { readonly voter: PeerId; readonly signature: Uint8Array }

export type Commit = {
  readonly header: CommitHeader
  readonly headerBytes: Uint8Array
  readonly hash: CommitHash
  readonly chain: ChainId
  readonly events: readonly SealedEvent[]
  readonly signature: Uint8Array
  readonly votes: readonly Vote[]
  readonly bytes: Uint8Array
}

declare const verified: unique symbol
/** A witness: a valid signature of the chain's peer stands on this commit or on a later one that vouches for it. */
export type VerifiedCommit = Commit & { readonly [verified]: true }
declare const admitted: unique symbol
/** A witness: this commit may be stored, acknowledged and merged. */
export type AdmittedCommit = VerifiedCommit & { readonly [admitted]: true }

export type Decoded = { readonly ok: true; readonly commit: Commit } | { readonly ok: false; readonly reason: string }

export const chainId = (peer: PeerId, incarnation: Incarnation, namespace: Namespace): ChainId =>
  bytesToHex(sha256('mnemesh/chain/1', hexToBytes(peer), hexToBytes(incarnation), namespace).subarray(0, 16)) as ChainId

/** The control log's chain of epoch 0, written in the mesh's name by whoever governs it. */
export const controlChainId = (mesh: MeshId): ChainId =>
  chainId(mesh as string as PeerId, CONTROL_INCARNATION, CONTROL_NAMESPACE)
export const CONTROL_INCARNATION = '0000000000000000' as Incarnation

export const eventsRoot = (events: readonly Pick<SealedEvent, 'bytes' | 'attestation'>[]): string =>
  bytesToHex(merkleRoot(events.map(eventLeaf)))

/** What the Merkle leaf of an event hashes over. */
export const eventLeaf = (event: Pick<SealedEvent, 'bytes' | 'attestation'>): Uint8Array =>
  event.attestation === null ? sha256(event.bytes) : concat(sha256(event.bytes), event.attestation)

export const encodeHeader = (header: CommitHeader): Uint8Array =>
  pack([
    1,
    hexToBytes(header.mesh),
    header.namespace,
    hexToBytes(header.peer),
    hexToBytes(header.incarnation),
    header.seq,
    hexToBytes(header.prev),
    hexToBytes(header.history),
    header.hlc,
    hexToBytes(header.policy),
    hexToBytes(header.segment ?? ''),
    header.deps.map(hexToBytes),
    hexToBytes(header.eventsRoot),
    header.eventCount,
    hexToBytes(header.changeHash ?? ''),
  ])

/** Signs and encodes. The caller vouches for the header's truth; `decodeCommit` checks everything again elsewhere. */
export const sealCommit = (header: CommitHeader, events: readonly SealedEvent[], keys: KeyPair): VerifiedCommit => {
  const headerBytes = encodeHeader(header)
  const signature = sign('mnemesh/commit/1', headerBytes, keys)
  const bytes = encodeCommit({ headerBytes, events, signature, votes: [] })
  const chain = chainId(header.peer, header.incarnation, header.namespace)
  return {
    header,
    headerBytes,
    hash: commitHash(headerBytes),
    chain,
    events,
    signature,
    votes: [],
    bytes,
  } as Commit as VerifiedCommit
}

/** The same commit with these votes on it, in their order. */
export const withVotes = <C extends Commit>(commit: C, votes: readonly Vote[]): C => {
  const sorted = votes.toSorted((a, b) => (a.voter < b.voter ? -1 : 1))
  return { ...commit, votes: sorted, bytes: encodeCommit({ ...commit, votes: sorted }) }
}

const encodeCommit = ({
  headerBytes,
  events,
  signature,
  votes,
}: Pick<Commit, 'headerBytes' | 'events' | 'signature' | 'votes'>): Uint8Array =>
  pack([
    headerBytes,
    events.map((event) => event.bytes),
    events.map((event) => event.attestation),
    signature,
    votes.map((vote) => [hexToBytes(vote.voter), vote.signature]),
  ])

export const commitHash = (headerBytes: Uint8Array): CommitHash =>
  sha256Hex('mnemesh/commit/1', ZERO, headerBytes) as CommitHash

/** Never of a commit of the control log, which its mesh's authority signs (`control.ts`). */
export const hasValidSignature = (commit: Commit): boolean => isSignedBy(commit, commit.header.peer)

/** @param key a public key, 64 hex digits. */
export const isSignedBy = (commit: Commit, key: string): boolean =>
  verify('mnemesh/commit/1', commit.headerBytes, commit.signature, key)

/** The epoch of a control commit: the first two bytes of its chain's incarnation. */
export const epochOf = ({ incarnation }: Pick<CommitHeader, 'incarnation'>): number =>
  Number.parseInt(incarnation.slice(0, 4), 16)

/** Whether it claims to be of its mesh's control log: what it is worth only the log before it tells. */
export const isControlCommit = ({ header }: Pick<Commit, 'header'>): boolean =>
  header.namespace === CONTROL_NAMESPACE && (header.peer as string) === header.mesh

/** The texts that its events name, those too that only fields without a meaning name. */
export const textsOf = (commit: Pick<Commit, 'events'>): readonly Ref[] => commit.events.flatMap(textsOfEvent)
export const textsOfEvent = ({ event, unread }: SealedEvent): readonly Ref[] => {
  const named = bodyRefs(event).map(({ ref }) => ref)
  return unread === undefined || unread.texts.length === 0 ? named : [...named, ...unread.texts]
}

/** The same commit as it reads at a lower level. @param reads as it was decoded: the build's highest. */
export const readAt = <C extends Commit>(commit: C, level: number, reads: Reads = OWN_READS): C => {
  if (level >= reads.level) return commit
  const decoded = decodeCommit(commit.bytes, () => readsAt(reads, level))
  return decoded.ok ? { ...commit, events: decoded.commit.events } : commit
}

/**
 * A well-formed commit: canonical bytes, known schema, sizes within limits, events matching their root. Never throws. Whether it is one
 * does not depend on the level; what its events say does.
 * @param readsOf at which format level its events are read; the build's highest where that is not known yet.
 */
export const decodeCommit = (
  bytes: Uint8Array,
  readsOf: (header: CommitHeader) => Reads = () => OWN_READS,
): Decoded => {
  if (bytes.length > limits.commit_bytes_max) return refuse('commit_too_large')
  const read = readPacked(bytes, readParts)
  if (!read.ok) return refuse(read.fault === 'form' ? 'commit_not_canonical' : 'commit_shape')
  const { headerBytes, eventList, attestations, signature, votes } = read.value
  const header = decodeHeader(headerBytes)
  if (header === null) return refuse('header_malformed')
  const isControl = header.namespace === CONTROL_NAMESPACE
  if (isControl && bytes.length > limits.control_commit_bytes_max) return refuse('commit_too_large')
  if (!isControl && votes.length > 0) return refuse('votes_outside_the_control_log')
  if (eventList.length !== header.eventCount || attestations.length !== header.eventCount) return refuse('event_count')
  const reads = readsOf(header)
  const events: SealedEvent[] = []
  for (const [i, eventBytes] of eventList.entries()) {
    const decoded = readInPlace(eventBytes, header.segment !== null, reads)
    if (!decoded.ok) return decoded
    const { event, unread } = decoded
    if (event.ns !== header.namespace) return refuse('event_of_another_namespace')
    events.push({ bytes: eventBytes, event, attestation: attestations[i]!, ...(unread !== null && { unread }) })
  }
  if (eventsRoot(events) !== header.eventsRoot) return refuse('events_root')
  const fault = kindFault(header, events)
  if (fault !== null) return refuse(fault)
  const chain = chainId(header.peer, header.incarnation, header.namespace)
  return {
    ok: true,
    commit: { header, headerBytes, hash: commitHash(headerBytes), chain, events, signature, votes, bytes },
  }
}

/** An event of a later kind that stands where its kind never does is one of an unknown kind: no reason to refuse, for others do not know it. */
const readInPlace = (bytes: Uint8Array, inSegment: boolean, reads: Reads): ReturnType<typeof decodeEvent> => {
  const decoded = decodeEvent(bytes, reads)
  if (!decoded.ok || reads.level === FIRST_LEVEL || decoded.event.kind === 'unknown') return decoded
  const isMisplaced =
    levelOfKind(decoded.event.kind, reads) !== FIRST_LEVEL && isDocumentEvent(decoded.event) !== inSegment
  return isMisplaced ? decodeEvent(bytes, readsAt(reads, FIRST_LEVEL)) : decoded
}

/**
 * The hash that these bytes bear if they are a commit, in a hundredth of the time that it takes to read and check one: enough to tell
 * that a commit which is here already has come again, and nothing else. Null when no header stands where it is due.
 */
export const hashBorne = (bytes: Uint8Array): CommitHash | null => {
  if (bytes.length > limits.commit_bytes_max) return null
  const read = readStart(bytes, (reader) => {
    reader.list(5, 5)
    return reader.bin(0, limits.header_bytes_max)
  })
  return read.ok ? commitHash(read.value) : null
}

type Parts = {
  readonly headerBytes: Uint8Array
  readonly eventList: readonly Uint8Array[]
  readonly attestations: readonly (Uint8Array | null)[]
  readonly signature: Uint8Array
  readonly votes: readonly Vote[]
}

const readParts = (reader: PackedReader): Parts => {
  reader.list(5, 5)
  const headerBytes = reader.bin(0, limits.header_bytes_max)
  const eventList: Uint8Array[] = []
  for (let left = reader.list(0, limits.events_per_commit_max); left > 0; left--)
    eventList.push(reader.bin(0, limits.event_bytes_max))
  const attestations: (Uint8Array | null)[] = []
  for (let left = reader.list(0, limits.events_per_commit_max); left > 0; left--)
    attestations.push(reader.nil() ? null : reader.bin(64))
  const signature = reader.bin(64)
  const votes: Vote[] = []
  for (let left = reader.list(0, limits.votes_per_commit_max); left > 0; left--) {
    reader.list(2, 2)
    const voter = reader.hex(32) as PeerId
    if (voter <= (votes.at(-1)?.voter ?? '')) reader.misfit()
    votes.push({ voter, signature: reader.bin(64) })
  }
  return { headerBytes, eventList, attestations, signature, votes }
}

/** A commit's header alone, without a look at its events; null when the bytes are no commit. */
export const headerOf = (commitBytes: Uint8Array): CommitHeader | null => {
  const read = commitBytes.length > limits.commit_bytes_max ? null : readPacked(commitBytes, readParts)
  return read?.ok ? decodeHeader(read.value.headerBytes) : null
}

/** The header, or null when its bytes are not canonical or out of bounds. */
export const decodeHeader = (bytes: Uint8Array): CommitHeader | null => {
  if (bytes.length > limits.header_bytes_max) return null
  const read = readPacked(bytes, readHeader)
  if (!read.ok) return null
  const { namespace, hlc, segment, deps, changeHash, ...rest } = read.value
  if (!(namespace === CONTROL_NAMESPACE || parseNamespace(namespace) !== null)) return null
  const time = parseHlc(hlc)
  if (time === null || deps.some((dep, i) => i > 0 && deps[i - 1]! >= dep)) return null
  const logOnly = segment.length === 0
  if (logOnly ? changeHash.length !== 0 || deps.length !== 0 : segment.length !== 36 || changeHash.length !== 32)
    return null
  return {
    ...rest,
    namespace: namespace as Namespace,
    hlc: time,
    deps,
    segment: logOnly ? null : (bytesToHex(segment) as SegmentId),
    changeHash: logOnly ? null : (bytesToHex(changeHash) as ChangeHash),
  }
}

type RawHeader = Omit<CommitHeader, 'namespace' | 'hlc' | 'segment' | 'changeHash'> & {
  readonly namespace: string
  readonly hlc: number
  readonly segment: Uint8Array
  readonly changeHash: Uint8Array
}

const readHeader = (reader: PackedReader): RawHeader => {
  reader.list(15, 15)
  reader.uint(1, 1)
  const mesh = reader.hex(32) as MeshId
  const namespace = reader.text(limits.name_bytes_max)
  const peer = reader.hex(32) as PeerId
  const incarnation = reader.hex(8) as Incarnation
  const seq = reader.uint(1, limits.seq_max)
  const prev = reader.hex(32) as CommitHash
  const history = reader.hex(32)
  const hlc = reader.uint(0, Number.MAX_SAFE_INTEGER)
  const policy = reader.hex(32) as CommitHash
  const segment = reader.bin(0, 36)
  const deps: CommitHash[] = []
  for (let left = reader.list(0, limits.deps_max); left > 0; left--) deps.push(reader.hex(32) as CommitHash)
  const [eventsRoot, eventCount, changeHash] = [
    reader.hex(32),
    reader.uint(1, limits.events_per_commit_max),
    reader.bin(0, 32),
  ]
  return {
    mesh,
    namespace,
    peer,
    incarnation,
    seq,
    prev,
    history,
    hlc,
    policy,
    segment,
    deps,
    eventsRoot,
    eventCount,
    changeHash,
  }
}

/** Which kinds may stand in which commit: a matter of the bytes alone. Kinds of later levels stand anywhere, and say nothing in the wrong place. */
const kindFault = (header: CommitHeader, events: readonly SealedEvent[]): string | null => {
  if (header.namespace === CONTROL_NAMESPACE && header.segment !== null) return 'kind_needs_another_segment'
  const ids = new Set<string>()
  for (const { event } of events) {
    if (ids.has(event.id)) return 'event_twice'
    ids.add(event.id)
    if (event.kind === 'unknown') continue
    if (isDocumentEvent(event) !== (header.segment !== null)) return 'kind_needs_another_segment'
    if (event.kind === 'memory.put' && segmentOwner(header.segment!) !== header.peer) return 'put_in_a_foreign_segment'
  }
  return null
}

const refuse = (reason: string): Decoded => ({ ok: false, reason })
const ZERO = Uint8Array.of(0)
