/**
 * Which peer a verb asks: the one that is named, else this user's own where `up` made one, else the default address.
 */
import { fileURLToPath } from 'node:url'
import { DEFAULT_URL, type Target } from '../sdk/client.ts'
import { isWanted, userFolder, type UserFolder } from '../user-peer/folder.ts'
import type { Tools } from '../user-peer/index.ts'
import { CliFailure } from './failure.ts'
import type { Io } from './io.ts'
import { keyOf } from './keys.ts'

export type Asked = { readonly url?: string; readonly keyFile?: string }

/** Starts this user's peer again when it is meant to run and does not. */
export const targetOf = async (asked: Asked, io: Io): Promise<Target> => {
  const url = namedUrl(asked, io)
  if (url !== null) return { url, key: (await keyOf(asked, io)) ?? null }
  const folder = userFolder(io.env, process.platform)
  if (folder === null || !(await isWanted(folder))) return { url: DEFAULT_URL, key: (await keyOf(asked, io)) ?? null }
  return userTarget(asked, folder, io)
}

/** This user's peer, whether it was meant to run or not. */
export const userTarget = async (asked: Asked, folder: UserFolder, io: Io): Promise<Target> => {
  const { ensureUserPeer } = await import('../user-peer/index.ts')
  const { url, key } = await ensureUserPeer(folder, userTools(io))
  return { url, key: asked.keyFile === undefined ? key : ((await keyOf(asked, io)) ?? key) }
}

export const namedUrl = (asked: Asked, io: Io): string | null => asked.url ?? given(io.env['MNEMESH_URL']) ?? null

/** @throws CliFailure where the system does not say where a user's data lies. */
export const requireUserFolder = (io: Io): UserFolder => {
  const folder = userFolder(io.env, process.platform)
  if (folder === null)
    throw new CliFailure(
      'this system does not say where your data lies; set HOME, or XDG_DATA_HOME to a folder of yours',
    )
  return folder
}

export const userTools = (io: Io): Tools => ({
  clock: io.clock,
  random: io.random,
  sleep: (ms) => io.sleep(ms),
  launcher: { command: [process.execPath, mainFile()], env: io.env },
})

/** The file that this program is started with. */
export const mainFile = (): string => fileURLToPath(new URL('./main.js', import.meta.url))

/** An environment variable that is set to something. */
export const given = (value: string | undefined): string | undefined =>
  value === undefined || value === '' ? undefined : value
