/**
 * What the live door reads: whole documents, as they are on stable storage.
 */
import type { Namespace, SegmentId } from '../../crdt/ids.ts'

/** What the live door reads: whole documents, as they are on stable storage. */
export type LiveSource = {
  namespaces(): readonly Namespace[]
  segments(namespace: Namespace): readonly SegmentId[]
  /** The document as Automerge's `save` writes it (genesis and applied changes), or null when there is none. */
  save(namespace: Namespace, segment: SegmentId): Uint8Array | null
  /** The document's heads (64 hex digits each, ascending), or null when there is none. */
  heads(namespace: Namespace, segment: SegmentId): readonly string[] | null
  /** The changes that the document has and a reader at these heads lacks, deps first. Heads that the document does not have count for nothing. */
  changesSince(namespace: Namespace, segment: SegmentId, heads: readonly string[]): readonly Uint8Array[]
  /** Told of each segment that has changed, after the change is durable. Answers the function that ends it. */
  onChanged(listener: (namespace: Namespace, segment: SegmentId) => void): () => void
}

/** Bytes: free where the log lies, taken by the log, taken by the embedded database (null where it is none of this disk's). */
export type DiskUse = {
  readonly free_bytes: number
  readonly log_bytes: number
  readonly projection_bytes: number | null
}
