/**
 * What a folder is called on every machine: its place in its repository where it lies in one, else its path on this machine.
 *
 * So a folder and its parent name a file alike, and so do two checkouts of one repository.
 */
import { access, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { rootCommit } from './git.ts'

export type Origin = { /** Of what names are relative to. */ readonly base: string; readonly name: string }

/** @param folder that exists. */
export const originOf = async (folder: string): Promise<Origin> => {
  const real = await realpath(folder)
  for (let dir = real; ; dir = dirname(dir)) {
    if (
      await access(join(dir, '.git')).then(
        () => true,
        () => false,
      )
    ) {
      const commit = await rootCommit(dir)
      if (commit !== null) return { base: dir, name: `git:${commit}` }
    }
    if (dirname(dir) === dir) return { base: dir, name: 'disk' }
  }
}

/** `path` within its origin, with `/`. */
export const within = ({ base }: Origin, path: string): string => relative(base, path).split(sep).join('/')
