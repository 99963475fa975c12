/**
 * Where checkpoints of the log's index lie: derived, local, disposable. Whoever reads one checks that it is what was written.
 */
export type CheckpointFiles = {
  /** Null when it is not there, or longer than `bytesMax`. */
  read(name: string, bytesMax: number): Promise<Uint8Array | null>
  /** On stable storage when it resolves, with its name; nothing of it counts when it rejects. Pieces are asked for one after the other. */
  write(pieces: AsyncIterable<Uint8Array>, nameOf: () => string): Promise<string>
  /** Removes all others, and what an attempt that was cut short left. @param name null: all. */
  keep(name: string | null): Promise<void>
}
