/**
 * Rights on a peer's files: nobody but the owner reads or writes them, whatever made them, and in folders of older versions too.
 */
import { chmod, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const OTHERS = 0o077

/**
 * Takes all rights on `path` and what lies below from everybody but its owner. Links are left alone, and what goes meanwhile.
 * @param except names directly below `path` that somebody else sees to.
 * @returns why that could not be done of some, in one line that names the mend, or null.
 */
export const makePrivate = async (path: string, except: readonly string[] = []): Promise<string | null> => {
  const refused: string[] = []
  await walk(path, except, refused)
  const [first] = refused
  return first === undefined
    ? null
    : `others may read ${refused.length} files of this peer (${first}): run it as their owner, or chmod -R go= ${path}`
}

const walk = async (path: string, except: readonly string[], refused: string[]): Promise<void> => {
  try {
    const stat = await lstat(path)
    if (stat.isSymbolicLink()) return
    if ((stat.mode & OTHERS) !== 0) await chmod(path, stat.mode & 0o777 & ~OTHERS)
    if (!stat.isDirectory()) return
    for (const name of await readdir(path)) if (!except.includes(name)) await walk(join(path, name), [], refused)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') refused.push(message)
  }
}
