/**
 * The files of a folder that an importer reads, in the order of their names, and why it passes over the others.
 *
 * No link is followed: a loop ends there, and nothing outside the folder comes in.
 */
import { opendir } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { errorCode, fileFailure } from '../failure.ts'
import { cliLimits } from '../limits.ts'
import type { ProblemItem } from './item.ts'

export type Walked = {
  readonly files: readonly string[]
  readonly problems: readonly ProblemItem[]
  /** Count by reason. */ readonly skipped: Map<string, number>
}

/** @param wanted whether a file of this name is read. */
export const walk = async (root: string, wanted: (name: string) => boolean): Promise<Walked> => {
  const files: string[] = []
  const problems: ProblemItem[] = []
  const skipped = new Map<string, number>()
  const skip = (reason: string): void => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1)

  const into = async (dir: string, depth: number): Promise<void> => {
    const where = relative(root, dir) || '.'
    if (depth > cliLimits.import_depth_max) {
      problems.push({
        kind: 'problem',
        where,
        message: `folders lie more than ${cliLimits.import_depth_max} deep; import it by itself`,
      })
      return
    }
    const folders: string[] = []
    const here: string[] = []
    try {
      for await (const entry of await opendir(dir)) {
        const folder = entry.isDirectory()
        if (entry.isSymbolicLink()) skip('symbolic link')
        else if (!folder && !entry.isFile()) skip('neither file nor folder')
        else if (entry.name.startsWith('.')) skip(folder ? `dot folder (${entry.name})` : 'dot file')
        else if (folder && entry.name === 'node_modules') skip('node_modules')
        else if (folder) folders.push(entry.name)
        else if (wanted(entry.name)) here.push(entry.name)
        else skip(`${extname(entry.name).toLowerCase() || 'no extension'}`)
      }
    } catch (error) {
      if (depth === 0) throw fileFailure(error, 'read', dir)
      problems.push({ kind: 'problem', where, message: `cannot be read (${errorCode(error) || String(error)})` })
      return
    }
    for (const name of here.sort()) files.push(join(dir, name))
    for (const name of folders.sort()) await into(join(dir, name), depth + 1)
  }
  await into(root, 0)
  return { files, problems, skipped }
}

/** `3 .png, 2 dot file`: the commonest first, at most `most` kinds by name. */
export const skippedText = (skipped: ReadonlyMap<string, number>, most = 8): string => {
  const all = [...skipped].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  const rest = all.slice(most).reduce((sum, [, count]) => sum + count, 0)
  return [
    ...all.slice(0, most).map(([reason, count]) => `${count} ${reason}`),
    ...(rest === 0 ? [] : [`${rest} others`]),
  ].join(', ')
}
