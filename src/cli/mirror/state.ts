/**
 * The mirror's own folder below the one that it keeps in step: which namespace of which mesh that is, the lock of the mirror that runs, and how
 * things stood when it last looked, for `mirror status`.
 */
import { lstat, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Held } from '../../mirror/ports.ts'
import { writeWhole } from '../../mirror/files.ts'
import { takeProcessLock, type ProcessLock } from '../../store/process-lock.ts'
import { CliFailure, fileFailure, usage } from '../failure.ts'

export type Binding = { readonly namespace: string; readonly mesh_id: string }
export type Standing = {
  readonly at: string
  readonly namespace: string
  readonly files: number
  readonly conflicts: readonly string[]
  readonly held: readonly Held[]
  readonly deletions_waiting: readonly string[]
  /** Why the peer could not be asked last; null when it could. */
  readonly trouble: string | null
}

export const ownFolder = (folder: string): string => join(resolve(folder), '.mnemesh', 'mirror')

/** @throws CliFailure where it is no folder. */
export const assertFolder = async (folder: string): Promise<void> => {
  const found = await stat(folder).catch((error: unknown) => {
    throw fileFailure(error, 'mirror', folder)
  })
  if (!found.isDirectory()) throw usage(`${folder} is no folder; name the folder of Markdown files`)
}

/** Nothing of it goes into anybody's repository. */
export const makeOwnFolder = async (folder: string): Promise<void> => {
  await mkdir(ownFolder(folder), { recursive: true })
  for (const path of [join(ownFolder(folder), '..'), ownFolder(folder)]) {
    if (!(await lstat(path)).isDirectory())
      throw new CliFailure(`${path} is a link: whoever made it decides where the mirror writes; remove it`)
  }
  await writeFile(join(ownFolder(folder), '..', '.gitignore'), '*\n')
}

/** @throws CliFailure while another mirror runs there. */
export const lockFolder = async (folder: string): Promise<ProcessLock> => {
  const lock = await takeProcessLock(join(ownFolder(folder), 'lock'))
  if (lock === null)
    throw new CliFailure(
      `${folder} is mirrored by another process already; stop that one, or see \`mnemesh mirror status ${folder}\``,
    )
  return lock
}

export const isMirrored = async (folder: string): Promise<boolean> => {
  const lock = await takeProcessLock(join(ownFolder(folder), 'lock'))
  await lock?.release()
  return lock === null
}

/** What the folder was mirrored with first; null when it never was. */
export const readBinding = async (folder: string): Promise<Binding | null> => {
  const value = await readJson(join(ownFolder(folder), 'binding.json'))
  return typeof value?.['namespace'] === 'string' && typeof value['mesh_id'] === 'string'
    ? { namespace: value['namespace'], mesh_id: value['mesh_id'] }
    : null
}
export const writeBinding = (folder: string, binding: Binding): Promise<void> =>
  writeWhole(join(ownFolder(folder), 'binding.json'), JSON.stringify(binding))

export const readStanding = async (folder: string): Promise<Standing | null> =>
  (await readJson(join(ownFolder(folder), 'standing.json'))) as Standing | null
export const writeStanding = (folder: string, standing: Standing): Promise<void> =>
  writeWhole(join(ownFolder(folder), 'standing.json'), JSON.stringify(standing))

const readJson = async (file: string): Promise<Readonly<Record<string, unknown>> | null> => {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null
  } catch {
    return null
  }
}
