/**
 * The namespace of the project that a program was started in: its git repository's name, made one that a namespace may have.
 */
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

/** Folders looked at on the way up. */
const DEPTH_MAX = 64

/** Null outside of any repository. */
export const projectNamespace = async (from: string): Promise<string | null> => {
  let folder = resolve(from)
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const found = await stat(join(folder, '.git')).catch(() => null)
    if (found !== null) return asNamespace(basename(found.isFile() ? await mainFolder(folder) : folder))
    if (dirname(folder) === folder) return null
    folder = dirname(folder)
  }
  return null
}

/** Of a worktree: the repository that it belongs to, so that all of them share one memory. */
const mainFolder = async (folder: string): Promise<string> => {
  const text = await readFile(join(folder, '.git'), 'utf8').catch(() => '')
  return /^gitdir: (.+)[/\\]\.git[/\\]worktrees[/\\]/m.exec(text)?.[1] ?? folder
}

const asNamespace = (name: string): string | null =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 100) || null
