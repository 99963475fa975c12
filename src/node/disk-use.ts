/**
 * What a peer's folder takes on its disk, and what is left there.
 */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DiskUse } from '../ports/live.ts'

/** The embedded database has about a thousand files, the log one in 2 MB; beyond that the sum is a lower bound. */
const FILES_MAX = 20_000
/** Files are asked after one by one, so that an old answer costs nothing and a new one little. */
const OLD_MS = 30_000

/** @param freeBytes of the file system that holds the log. @param monotonic ms. */
export const createDiskUse = (
  dir: string,
  hasRows: boolean,
  freeBytes: () => Promise<number>,
  monotonic: () => number,
): (() => Promise<DiskUse>) => {
  let atMs = Number.NEGATIVE_INFINITY
  let sizes: Promise<readonly [number, number | null]> | null = null
  return async () => {
    if (sizes === null || monotonic() - atMs > OLD_MS) {
      atMs = monotonic()
      sizes = Promise.all([folderBytes(join(dir, 'log')), hasRows ? folderBytes(join(dir, 'projection')) : null])
    }
    const [[log_bytes, projection_bytes], free_bytes] = await Promise.all([sizes, freeBytes()])
    return { free_bytes, log_bytes, projection_bytes }
  }
}

/** 0 for what is not there. Files that go meanwhile are left out. */
export const folderBytes = async (dir: string): Promise<number> => {
  let bytes = 0
  let left = FILES_MAX
  const folders = [dir]
  for (let folder = folders.pop(); folder !== undefined && left > 0; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      if (left-- <= 0) break
      const path = join(folder, entry.name)
      if (entry.isDirectory()) folders.push(path)
      else
        bytes += await lstat(path).then(
          ({ size }) => size,
          () => 0,
        )
    }
  }
  return bytes
}
