/**
 * A lock between processes that no crash leaves behind: LevelDB's own, on an empty database. Node has no file locks, and the
 * operating system takes this one back with its process.
 */
import { rm } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'

export type ProcessLock = { release(): Promise<void> }

/** Null while another process has it. @param dir the lock's own folder; made when it is not there. */
export const takeProcessLock = async (dir: string): Promise<ProcessLock | null> => {
  const take = async (): Promise<ProcessLock> => {
    const db = new ClassicLevel(dir)
    await db.open()
    return { release: () => db.close() }
  }
  try {
    return await take()
  } catch (error) {
    if (causeCode(error) === 'LEVEL_LOCKED') return null
    if (causeCode(error) !== 'LEVEL_CORRUPTION') throw error
    // LevelDB reads it only once it has the lock, so what is damaged is ours; it holds nothing.
    await rm(dir, { recursive: true, force: true })
    return take()
  }
}

const causeCode = (error: unknown): unknown => {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error && 'code' in cause ? cause.code : undefined
}
