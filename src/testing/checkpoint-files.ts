/** Checkpoints in memory: what survives a stop lies in a map that tests may damage. */
import type { CheckpointFiles } from '../ports/checkpoint.ts'

/** @param read told of each that was there when it was asked for. */
export const memoryCheckpointFiles = (
  files: Map<string, Uint8Array>,
  read: (name: string) => void = () => undefined,
): CheckpointFiles => ({
  read: async (name) => {
    const bytes = files.get(name) ?? null
    if (bytes !== null) read(name)
    return bytes
  },
  write: async (pieces, nameOf) => {
    const parts: Uint8Array[] = []
    for await (const piece of pieces) parts.push(piece)
    const name = nameOf()
    files.set(name, new Uint8Array(Buffer.concat(parts)))
    return name
  },
  keep: async (name) => {
    for (const other of files.keys()) if (other !== name) files.delete(other)
  },
})
