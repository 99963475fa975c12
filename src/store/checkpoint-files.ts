/**
 * Checkpoints of the log's index as files in `DIR/snapshots/`, `index-` and the digest of what they hold. A file is written whole, synced and
 * renamed before anything names it.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckpointFiles } from '../ports/checkpoint.ts'

const PREFIX = 'index-'
const FRESH = `${PREFIX}new`

/** Makes nothing before something is written. @param dir the peer's folder. */
export const openCheckpointFiles = (dir: string): CheckpointFiles => {
  const folder = join(dir, 'snapshots')
  const pathOf = (name: string): string => join(folder, PREFIX + name)
  return {
    read: async (name, bytesMax) => {
      const size = await orNull(stat(pathOf(name)))
      return size === null || size.size > bytesMax ? null : await orNull(readFile(pathOf(name)))
    },
    write: async (pieces, nameOf) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const fresh = join(folder, FRESH)
      const file = await open(fresh, 'w', 0o600)
      try {
        for await (const piece of pieces) await file.writeFile(piece)
        await file.sync()
      } finally {
        await file.close()
      }
      const name = nameOf()
      await rename(fresh, pathOf(name))
      await flush(folder)
      return name
    },
    keep: async (name) => {
      for (const entry of (await orNull(readdir(folder))) ?? [])
        if (entry.startsWith(PREFIX) && (name === null || entry !== PREFIX + name))
          await rm(join(folder, entry), { force: true })
    },
  }
}

const orNull = <T>(reading: Promise<T>): Promise<T | null> =>
  reading.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })

/** Makes a folder's entries durable. */
const flush = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
