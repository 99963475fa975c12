/** Which files are left out: patterns as in `.gitignore`, of the command line and of `.mnemeshignore` in the folder. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ignore from 'ignore'

export const IGNORE_FILE = '.mnemeshignore'
/** More is no list that somebody wrote. */
const IGNORE_BYTES_MAX = 64 * 1024

export const readExcludes = async (folder: string, patterns: readonly string[]): Promise<(path: string) => boolean> => {
  const text = await readFile(join(folder, IGNORE_FILE), 'utf8').catch(() => '')
  const rules = ignore({ allowRelativePaths: true })
    .add([...patterns])
    .add(text.slice(0, IGNORE_BYTES_MAX))
  return (path) => rules.ignores(path)
}
