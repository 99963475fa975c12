/**
 * Under which automerge-repo document id a segment, or a namespace's index, is served: the same on every peer of a mesh,
 * so that a reader who moves from one peer's door to another's goes on with the documents it has.
 *
 * An id is 16 bytes: the start of a SHA-256 over a domain, the mesh, and what the document holds. Readers see it in
 * automerge-repo's form (base58 with a checksum, `automerge:` in front; source: its `AutomergeUrl.ts`, 2.5.6); the door looks it
 * up by its hex (`DocumentKey`).
 */
import bs58check from 'bs58check'
import { sha256 } from '../../crdt/hash.ts'
import { bytesToHex, hexToBytes, type MeshId, type Namespace, type SegmentId } from '../../crdt/ids.ts'
import { liveLimits } from './limits.ts'

declare const brand: unique symbol
/** 32 hex digits. */
export type DocumentKey = string & { readonly [brand]: 'DocumentKey' }
/** Where a stock client finds a document; marked as automerge-repo marks its own, so that its functions take one. */
export type DocumentUrl = string & { readonly __documentUrl: true }

export const segmentKey = (mesh: MeshId, namespace: Namespace, segment: SegmentId): DocumentKey =>
  keyOf(segmentBytes(mesh, namespace, segment))
export const indexKey = (mesh: MeshId, namespace: Namespace): DocumentKey => keyOf(indexBytes(mesh, namespace))

/** Where a stock automerge-repo client finds one segment's document. */
export const segmentUrl = (mesh: MeshId, namespace: Namespace, segment: SegmentId): DocumentUrl =>
  urlOf(segmentBytes(mesh, namespace, segment))
/** Where it finds the namespace's index, from which all others follow; known before the namespace holds anything. */
export const indexUrl = (mesh: MeshId, namespace: Namespace): DocumentUrl => urlOf(indexBytes(mesh, namespace))

/** @param documentId as a client sent it. @returns null when it is no document id. */
export const parseDocumentId = (documentId: string): DocumentKey | null => {
  if (documentId.length > liveLimits.live_name_bytes_max) return null
  const binary = bs58check.decodeUnsafe(documentId)
  return binary?.length === 16 ? keyOf(binary) : null
}

// A segment id has 36 bytes always, so a namespace and a segment run together are still two.
const segmentBytes = (mesh: MeshId, namespace: Namespace, segment: SegmentId): Uint8Array =>
  sha256('mnemesh/live/1', hexToBytes(mesh), namespace, hexToBytes(segment)).subarray(0, 16)
const indexBytes = (mesh: MeshId, namespace: Namespace): Uint8Array =>
  sha256('mnemesh/live/index/1', hexToBytes(mesh), namespace).subarray(0, 16)

const keyOf = (binary: Uint8Array): DocumentKey => bytesToHex(binary) as DocumentKey
const urlOf = (binary: Uint8Array): DocumentUrl => `automerge:${bs58check.encode(binary)}` as DocumentUrl
