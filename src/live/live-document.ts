/** One document as readers are served from it, be it a segment or an index. */
export type LiveDocument = {
  /** 64 hex digits each, ascending. */
  heads(): readonly string[]
  /** Changes that a reader at `heads` lacks, deps first; heads that the document does not have count for nothing. */
  changesSince(heads: readonly string[]): readonly Uint8Array[]
  /** The whole, as Automerge saves it; null when it is gone. */
  save(): Uint8Array | null
}
