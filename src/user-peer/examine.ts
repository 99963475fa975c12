/**
 * How this user's peer stands, as it can be seen without starting or asking it anything but who it is.
 */
import { stat } from 'node:fs/promises'
import { readIdentity, readRunning } from '../membership/folder.ts'
import { provenPeer } from '../membership/prove.ts'
import type { Random } from '../ports/clock.ts'
import { readKey } from './find.ts'
import { isWanted, type UserFolder } from './folder.ts'

export type Examined = {
  /** Whether the folder holds a peer at all. */
  readonly made: boolean
  readonly wanted: boolean
  /** What its folder says; null when it was stopped cleanly, or never ran. */
  readonly said: { readonly url: string; readonly pid: number } | null
  /** Who answers there: it, `nobody` who proves anything, another peer, or nothing at all (null). */
  readonly answers: 'itself' | 'nobody' | 'another' | null
  readonly key: string | null
  /** Files that others of this machine may read, and should not. */
  readonly open: readonly string[]
}

/** @throws NodeError when the folder cannot be read. */
export const examineUserPeer = async (folder: UserFolder, random: Random): Promise<Examined> => {
  const identity = await readIdentity(folder.peer)
  const said = await readRunning(folder.peer)
  const proven = said === null ? null : await provenPeer(said.url, random)
  const answers = ((): Examined['answers'] => {
    if (proven === null) return null
    if (proven === 'nobody') return 'nobody'
    return proven === identity?.peer ? 'itself' : 'another'
  })()
  const open: string[] = []
  for (const path of [folder.base, folder.key]) if (await isOpen(path)) open.push(path)
  return { made: identity !== null, wanted: await isWanted(folder), said, answers, key: await readKey(folder), open }
}

/** What is not there is not open; Windows keeps rights elsewhere. */
const isOpen = async (path: string): Promise<boolean> => {
  if (process.platform === 'win32') return false
  const found = await stat(path).catch(() => null)
  return found !== null && (found.mode & 0o077) !== 0
}
