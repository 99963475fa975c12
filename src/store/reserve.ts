/**
 * A file that keeps room on the disk for opening the database: `DIR/log/reserve`.
 *
 * LevelDB writes when it opens (its write-ahead log becomes a table, a manifest begins), so on a disk that others filled it does
 * not open. Then the reserve is deleted first. It is taken back as soon as the database is open, before anything else can fill
 * the room, and grows to its whole size when there is room for it.
 */
import { randomFillSync } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { limits } from '../../crdt/limits.ts'
import type { Folder } from './folder.ts'

/** What an opening writes at most: two write buffers' logs become tables; manifests and the lock's database are small. */
export const RESERVE_BYTES = 2 * limits.store_write_buffer_bytes + 1024 * 1024
/** Left to what is small and has no reserve of its own: the mark of a running peer, its lock. */
const LEFT_BYTES = 1024 * 1024
/** Written at a time: about a millisecond of a turn. */
const STEP_BYTES = 1024 * 1024

/** Bytes free for us on the file system that holds the store; 0 when it does not tell. */
export const freeBytesAt = (folder: Folder): number => {
  try {
    const { bavail, bsize } = statfsSync(folder.root)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** Deletes the reserve. False when there was none. */
export const giveReserve = (folder: Folder): boolean => {
  const had = sizeOf(folder) > 0
  rmSync(folder.reserve, { force: true })
  return had
}

/** Takes the reserve, or as much of it as there is room for. Never throws: without one, only a start on a full disk fails. */
export const takeReserve = async (folder: Folder): Promise<void> => {
  let size = sizeOf(folder)
  if (size >= RESERVE_BYTES) return
  try {
    const fd = openSync(folder.reserve, 'a', 0o600)
    try {
      // Random, so that no file system compresses it away.
      const step = randomFillSync(Buffer.allocUnsafe(STEP_BYTES))
      while (size < RESERVE_BYTES && freeBytesAt(folder) >= LEFT_BYTES + STEP_BYTES) {
        size += writeSync(fd, step, 0, Math.min(STEP_BYTES, RESERVE_BYTES - size))
        await setImmediate()
      }
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch {
    // The disk filled up meanwhile: what was taken stays.
  }
}

const sizeOf = (folder: Folder): number => statSync(folder.reserve, { throwIfNoEntry: false })?.size ?? 0
