/**
 * A backup put into an empty folder, as the peer that it is of.
 *
 * It cannot fork: the folder lacks what the log's own folder is known by, so whoever starts from it begins a new incarnation. And it shows
 * nothing until it has held what others hold (`src/service/withheld.ts`), as what was erased since the backup was made is still in it:
 * `restored.json` says so, and goes when that is done.
 */
import { open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NodeError } from '../errors.ts'
import { readIdentity } from '../membership/folder.ts'
import { makeFolder } from '../membership/make-folder.ts'
import { readFileOf, requireBackup, type From } from './backup-read.ts'
import { openCipher } from './backup-cipher.ts'

export type RestoreAnswer = {
  readonly backup: string
  readonly dir: string
  readonly peer_id: string
  readonly mesh_id: string
  readonly made_at: string
  readonly commits: number
}
type Restoring = From & { readonly dir: string; readonly passphrase?: string }

/** @throws NodeError with a line that names cause and mend; then the folder is as it was. */
export const restoreBackup = async ({ dir, passphrase, ...asked }: Restoring): Promise<RestoreAnswer> => {
  if ((await readdir(dir).catch(() => [])).length > 0)
    throw new NodeError('conflict', `${dir} is not empty: a backup is restored into an empty folder`)
  const { name, backup, folder } = await requireBackup(asked)
  if (backup.sealing !== null && passphrase === undefined)
    throw new NodeError('forbidden', `backup ${name} is encrypted: give its passphrase with --passphrase-file`)
  const cipher = backup.sealing === null ? null : await openCipher(passphrase!, backup.sealing)
  // Under another name until it is whole: a restore that is cut short leaves no folder that starts.
  const fresh = `${dir}.restoring`
  await rm(fresh, { recursive: true, force: true })
  await makeFolder(fresh, 0o700)
  try {
    for (const file of backup.files) {
      const path = join(fresh, file.path)
      await makeFolder(dirname(path), 0o700)
      const written = await open(path, 'wx', 0o600)
      try {
        for await (const chunk of readFileOf(folder, file, cipher)) await written.writeFile(chunk)
        await written.sync()
      } finally {
        await written.close()
      }
    }
    const identity = await readIdentity(fresh)
    if (identity?.peer !== backup.peer || identity.mesh !== backup.mesh)
      throw new NodeError('refused', `backup ${name} was signed by another peer than the one whose keys are in it`)
    await writeFile(join(fresh, RESTORED), `${JSON.stringify({ backup: name, made_at: backup.made_at })}\n`, {
      mode: 0o600,
      flush: true,
    })
    await rm(dir, { recursive: true, force: true })
    await rename(fresh, dir)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    throw error
  }
  return {
    backup: name,
    dir,
    peer_id: backup.peer,
    mesh_id: backup.mesh,
    made_at: backup.made_at,
    commits: backup.commits,
  }
}

const RESTORED = 'restored.json'

/** When the backup was made that this folder was restored from, and has not caught up since; null for all others. */
export const restoredFrom = async (dir: string): Promise<string | null> => {
  const text = await readFile(join(dir, RESTORED), 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? null : Promise.reject(error),
  )
  return text === null ? null : (/"made_at":"([^"]{1,40})"/.exec(text)?.[1] ?? 'an unknown time')
}

export const caughtUp = (dir: string): Promise<void> => rm(join(dir, RESTORED), { force: true })
