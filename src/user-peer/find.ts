/**
 * Finding this user's running peer: by what it wrote into its folder, believed only once the process at that address has proved
 * that it holds the folder's identity. Its key is told to nobody else.
 */
import { readFile } from 'node:fs/promises'
import { NodeError } from '../errors.ts'
import { readIdentity, readRunning } from '../membership/folder.ts'
import { provenPeer } from '../membership/prove.ts'
import type { Random } from '../ports/clock.ts'
import type { UserFolder } from './folder.ts'

export type Process = { readonly url: string; readonly pid: number }
export type FoundPeer = Process & { readonly key: string }

/** Null when it does not run. @throws NodeError when the folder cannot be read. */
export const findProcess = async (folder: UserFolder, random: Random): Promise<Process | null> => {
  const running = await readRunning(folder.peer)
  if (running === null) return null
  const identity = await readIdentity(folder.peer)
  return identity !== null && (await provenPeer(running.url, random)) === identity.peer ? running : null
}

/** The same with its key. @throws NodeError also when that is gone. */
export const findUserPeer = async (folder: UserFolder, random: Random): Promise<FoundPeer | null> => {
  const found = await findProcess(folder, random)
  if (found === null) return null
  const key = await readKey(folder)
  if (key === null)
    throw new NodeError(
      'not_found',
      `the key of this user's peer is gone (${folder.key}): run \`mnemesh down\`, then \`mnemesh up\`, which makes another`,
    )
  return { ...found, key }
}

/** Null when there is none yet. */
export const readKey = async (folder: UserFolder): Promise<string | null> => {
  const text = await readFile(folder.key, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new NodeError('internal', `cannot read ${folder.key} (${error.code ?? error.message}): see to its rights`)
  })
  return text.trim() === '' ? null : text.trim()
}
