/**
 * A commit is what a peer seals: one or more events, one signature, at most one Automerge change.
 *
 * bytes   = pack([header, [event…], [attestation | nil…], signature])
 * header  = pack([1, mesh, namespace, peer, incarnation, seq, prev, history, hlc, policy, segment, deps, eventsRoot,
 *                 eventCount, changeHash])
 * hash    = SHA-256("mnemesh/commit/1" ‖ 0x00 ‖ header), and the signature (Ed25519) is over exactly that.
 *
 * `eventsRoot` is the RFC 6962 root over the leaves SHA-256(event) ‖ attestation; `history` the RFC 6962 root over the
 * hashes of the chain's earlier commits. `segment` and `changeHash` are empty in a log-only commit (episodes, control).
 * `deps` are commit hashes of the same segment, ascending, none twice.
 *
 * Three types for three degrees of trust: `Commit` is well formed, `VerifiedCommit` also covered by a valid signature
 * (`chain.ts`), `AdmittedCommit` also allowed (`admission.ts`). Only the last may reach the store.
 */
import type { Event } from './event.ts'
import { decodeEvent, isControlEvent, isDocumentEvent } from './event.ts'
import { concat, sha256, sha256Hex } from './hash.ts'
import type { Hlc } from './hlc.ts'
import { parseHlc } from './hlc.ts'
import {
  CONTROL_NAMESPACE, bytesToHex, hexToBytes, parseNamespace, segmentOwner,
  type ChainId, type ChangeHash, type CommitHash, type Incarnation, type MeshId, type Namespace, type PeerId, type SegmentId,
} from './ids.ts'
import { limits } from './limits.ts'
import { merkleRoot } from './merkle.ts'
import { pack, unpack, type Packable } from './msgpack.ts'
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
}

export type Commit = {
  readonly header: CommitHeader
  readonly headerBytes: Uint8Array
  readonly hash: CommitHash
  readonly chain: ChainId
  readonly events: readonly SealedEvent[]
  readonly signature: Uint8Array
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

/** Control commits are written by the authority, in one incarnation for ever. */
export const controlChainId = (mesh: MeshId): ChainId => chainId(mesh as string as PeerId, CONTROL_INCARNATION, CONTROL_NAMESPACE)
export const CONTROL_INCARNATION = '0000000000000000' as Incarnation

export const eventsRoot = (events: readonly Pick<SealedEvent, 'bytes' | 'attestation'>[]): string =>
  bytesToHex(merkleRoot(events.map(eventLeaf)))

/** What the Merkle leaf of an event hashes over. */
export const eventLeaf = (event: Pick<SealedEvent, 'bytes' | 'attestation'>): Uint8Array =>
  event.attestation === null ? sha256(event.bytes) : concat(sha256(event.bytes), event.attestation)

export const encodeHeader = (header: CommitHeader): Uint8Array =>
  pack([
    1, hexToBytes(header.mesh), header.namespace, hexToBytes(header.peer), hexToBytes(header.incarnation), header.seq,
    hexToBytes(header.prev), hexToBytes(header.history), header.hlc, hexToBytes(header.policy), hexToBytes(header.segment ?? ''),
    header.deps.map(hexToBytes), hexToBytes(header.eventsRoot), header.eventCount, hexToBytes(header.changeHash ?? ''),
  ])

/** Signs and encodes. The caller vouches for the header's truth; `decodeCommit` checks everything again elsewhere. */
export const sealCommit = (header: CommitHeader, events: readonly SealedEvent[], keys: KeyPair): VerifiedCommit => {
  const headerBytes = encodeHeader(header)
  const signature = sign('mnemesh/commit/1', headerBytes, keys)
  const bytes = pack([headerBytes, events.map((event) => event.bytes), events.map((event) => event.attestation), signature])
  const chain = chainId(header.peer, header.incarnation, header.namespace)
  return { header, headerBytes, hash: commitHash(headerBytes), chain, events, signature, bytes } as Commit as VerifiedCommit
}

export const commitHash = (headerBytes: Uint8Array): CommitHash => sha256Hex('mnemesh/commit/1', ZERO, headerBytes) as CommitHash

export const hasValidSignature = (commit: Commit): boolean =>
  verify('mnemesh/commit/1', commit.headerBytes, commit.signature, commit.header.peer)

/** A well-formed commit: canonical bytes, known schema, sizes within limits, events matching their root. Never throws. */
export const decodeCommit = (bytes: Uint8Array): Decoded => {
  if (bytes.length > limits.commit_bytes_max) return refuse('commit_too_large')
  const outer = unpack(bytes)
  if (!Array.isArray(outer) || outer.length !== 4) return refuse('commit_not_canonical')
  const [headerBytes, eventList, attestationList, signature] = outer as readonly Packable[]
  if (!isBin(headerBytes) || !isBin(signature, 64) || !Array.isArray(eventList) || !Array.isArray(attestationList)) return refuse('commit_shape')
  const header = decodeHeader(headerBytes)
  if (header === null) return refuse('header_malformed')
  if (eventList.length !== header.eventCount || attestationList.length !== header.eventCount) return refuse('event_count')
  const events: SealedEvent[] = []
  for (const [i, eventBytes] of eventList.entries()) {
    const attestation = attestationList[i]
    if (!isBin(eventBytes) || !(attestation === null || isBin(attestation, 64))) return refuse('commit_shape')
    const decoded = decodeEvent(eventBytes)
    if (!decoded.ok) return decoded
    if (decoded.event.ns !== header.namespace) return refuse('event_of_another_namespace')
    events.push({ bytes: eventBytes, event: decoded.event, attestation })
  }
  if (eventsRoot(events) !== header.eventsRoot) return refuse('events_root')
  const fault = kindFault(header, events)
  if (fault !== null) return refuse(fault)
  const chain = chainId(header.peer, header.incarnation, header.namespace)
  return { ok: true, commit: { header, headerBytes, hash: commitHash(headerBytes), chain, events, signature, bytes } }
}

/** The header, or null when its bytes are not canonical or out of bounds. */
export const decodeHeader = (bytes: Uint8Array): CommitHeader | null => {
  const fields = unpack(bytes)
  if (!Array.isArray(fields) || fields.length !== 15) return null
  const [version, mesh, namespace, peer, incarnation, seq, prev, history, hlc, policy, segment, deps, root, eventCount, changeHash] = fields as readonly Packable[]
  if (version !== 1 || !isBin(mesh, 32) || !isBin(peer, 32) || !isBin(incarnation, 8) || !isBin(prev, 32) || !isBin(history, 32)) return null
  if (!isBin(policy, 32) || !isBin(root, 32) || !isBin(segment) || !isBin(changeHash) || !Array.isArray(deps)) return null
  if (typeof namespace !== 'string' || !(namespace === CONTROL_NAMESPACE || parseNamespace(namespace) !== null)) return null
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1 || seq > limits.seq_max) return null
  const time = typeof hlc === 'number' ? parseHlc(hlc) : null
  if (time === null || typeof eventCount !== 'number' || eventCount < 1 || eventCount > limits.events_per_commit_max) return null
  if (deps.length > limits.deps_max || !deps.every((dep) => isBin(dep, 32))) return null
  const depHashes = deps.map((dep) => bytesToHex(dep) as CommitHash)
  if (depHashes.some((dep, i) => i > 0 && depHashes[i - 1]! >= dep)) return null
  const logOnly = segment.length === 0
  if (logOnly ? changeHash.length !== 0 || deps.length !== 0 : segment.length !== 36 || changeHash.length !== 32) return null
  return {
    mesh: bytesToHex(mesh) as MeshId, namespace: namespace as Namespace, peer: bytesToHex(peer) as PeerId,
    incarnation: bytesToHex(incarnation) as Incarnation, seq, prev: bytesToHex(prev) as CommitHash, history: bytesToHex(history),
    hlc: time, policy: bytesToHex(policy) as CommitHash, segment: logOnly ? null : (bytesToHex(segment) as SegmentId), deps: depHashes,
    eventsRoot: bytesToHex(root), eventCount, changeHash: logOnly ? null : (bytesToHex(changeHash) as ChangeHash),
  }
}

/** Which kinds may stand in which commit: a matter of the bytes alone. */
const kindFault = (header: CommitHeader, events: readonly SealedEvent[]): string | null => {
  const inControl = header.namespace === CONTROL_NAMESPACE
  const ids = new Set<string>()
  for (const { event } of events) {
    if (ids.has(event.id)) return 'event_twice'
    ids.add(event.id)
    if (isControlEvent(event) !== inControl) return 'kind_of_another_namespace'
    if (isDocumentEvent(event) !== (header.segment !== null)) return 'kind_needs_another_segment'
    if (event.kind === 'memory.put' && segmentOwner(header.segment!) !== header.peer) return 'put_in_a_foreign_segment'
  }
  return null
}

const refuse = (reason: string): Decoded => ({ ok: false, reason })
const ZERO = Uint8Array.of(0)
const isBin = (value: unknown, length?: number): value is Uint8Array =>
  value instanceof Uint8Array && (length === undefined || value.length === length)
