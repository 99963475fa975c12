/**
 * What set-up wrote, kept in the folder of this user's peer, so that it can be taken out byte for byte: the texts that were put in, in their
 * order, and the hash of the file after it. Beside it lie copies of the files as they were.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../ports/clock.ts'
import { copyConfig, readConfig, replaceConfig, type ConfigFile } from './config-file.ts'
import { isRecord, type Insertion } from './edit.ts'

export type Record = {
  /** Where the file lies, its link followed. */
  readonly target: string
  /** Whether set-up made the file. */
  readonly made: boolean
  readonly insertions: readonly Insertion[]
  /** Objects that were made to hold the entry, counted from it. */
  readonly parents: number
  /** Of the file after it, as hex. */
  readonly sha256: string
}

/** Copies kept of one client's files. */
const COPIES_MAX = 10
/** A record holds little more than the entry. */
const RECORD_CHARS_MAX = 256 * 1024

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Null when there is none, or none that can be read: what it would say is then looked for in the file. */
export const readRecord = async (folder: string, name: string): Promise<Record | null> => {
  const text = await readFile(at(folder, name), 'utf8').catch(() => null)
  if (text === null || text.length > RECORD_CHARS_MAX) return null
  try {
    const value: unknown = JSON.parse(text)
    return isOne(value) ? value : null
  } catch {
    return null
  }
}

export const writeRecord = async (folder: string, name: string, record: Record, random: Random): Promise<void> =>
  replaceConfig(await readConfig(at(folder, name)), `${JSON.stringify(record)}\n`, random)

export const removeRecord = (folder: string, name: string): Promise<void> => rm(at(folder, name), { force: true })

/** Answers where it lies; null: there was no file. @param now wall clock in ms. */
export const keepCopy = async (folder: string, name: string, file: ConfigFile, now: number): Promise<string | null> => {
  if (file.bytes === null) return null
  const copies = join(folder, 'copies')
  const to = join(copies, `${name}.${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`)
  await copyConfig(file, to)
  const own = (await readdir(copies)).filter((entry) => entry.startsWith(`${name}.`)).sort()
  for (const old of own.slice(0, -COPIES_MAX)) await rm(join(copies, old), { force: true })
  return to
}

const at = (folder: string, name: string): string => join(folder, `${name}.json`)

const isOne = (value: unknown): value is Record =>
  isRecord(value) &&
  typeof value['target'] === 'string' &&
  typeof value['made'] === 'boolean' &&
  typeof value['sha256'] === 'string' &&
  typeof value['parents'] === 'number' &&
  Array.isArray(value['insertions']) &&
  value['insertions'].every(
    (one) => isRecord(one) && typeof one['text'] === 'string' && Number.isSafeInteger(one['at']),
  )
