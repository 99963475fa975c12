/**
 * What a mirror remembers, in a dot folder of the folder itself, so that it goes where the folder goes: a file for each mirrored one, and the place
 * in the log. Each is written beside, flushed and renamed. A record that cannot be read counts as none: then both sides are merged anew.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from './files.ts'
import type { Intent, Known, Records } from './ports.ts'

/** @param dir the mirror's own folder; it has to be there before anything is put. */
export const openRecords = (dir: string): Records => {
  const files = join(dir, 'files')
  const cursorFile = join(dir, 'cursor')
  const fileOf = (name: string): string => join(files, `${createHash('sha256').update(name).digest('hex')}.json`)
  return {
    all: async () => {
      const all: Known[] = []
      for (const file of await readdir(files).catch(() => [])) {
        const known = file.endsWith('.json')
          ? knownFrom(await readFile(join(files, file), 'utf8').catch(() => ''))
          : null
        if (known !== null && fileOf(known.name) === join(files, file)) all.push(known)
      }
      return all
    },
    put: async (known) => {
      await mkdir(files, { recursive: true })
      await writeWhole(fileOf(known.name), JSON.stringify(known))
    },
    remove: (name) => rm(fileOf(name), { force: true }),
    cursor: async () => (await readFile(cursorFile, 'utf8').catch(() => '')) || null,
    putCursor: (cursor) => writeWhole(cursorFile, cursor),
  }
}

const knownFrom = (text: string): Known | null => {
  try {
    const value = JSON.parse(text) as Readonly<Record<string, unknown>>
    const { name, path, id, base, intent } = value
    if (typeof name !== 'string' || typeof path !== 'string' || !isTextOrNull(id) || !isTextOrNull(base)) return null
    return { name, path, id, base, ...(isIntent(intent) && { intent }) }
  } catch {
    return null
  }
}
const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === 'string'
const isIntent = (value: unknown): value is Intent =>
  typeof value === 'object' && value !== null && 'op' in value && 'key' in value && typeof value.key === 'string'
