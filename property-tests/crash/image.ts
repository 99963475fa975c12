/**
 * An image: every file of a store's folder as it is at one moment, by its path. Images are values: crash states are made of
 * them by taking files from several, cutting and filling.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export type Image = ReadonlyMap<string, Buffer>

/** LevelDB's diary and lock files carry nothing that an opening reads. */
const IS_STATE = /^(?!guard\/|.*(\/LOG|\/LOG\.old|\/LOCK)$)/

/**
 * The folder `DIR/log` as a kill at this moment would leave it. A folder that changes meanwhile (a compaction) is looked at again.
 * Files that only grow may be a little longer than at the moment of the listing, as in the page cache itself.
 */
export const capture = (dir: string): Image => {
  for (let tries = 0; ; tries++) {
    try {
      const before = listing(dir)
      const image = new Map([...before.keys()].map((path) => [path, readFileSync(join(dir, 'log', path))]))
      if (same(before, listing(dir)) || tries > TRIES_MAX) return image
    } catch (error) {
      if (!isGone(error) || tries > TRIES_MAX) throw error
    }
  }
}

const TRIES_MAX = 100

const listing = (dir: string): ReadonlyMap<string, number> => {
  const root = join(dir, 'log')
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => IS_STATE.test(path))
  return new Map(paths.map((path) => [path, statSync(join(root, path)).size]))
}

const same = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean =>
  a.size === b.size && [...a].every(([path, size]) => b.get(path) === size)
const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** Lays the image into the data folder `dir`, which is empty. */
export const lay = (image: Image, dir: string): void => {
  mkdirSync(join(dir, 'log', 'db'), { recursive: true })
  for (const [path, bytes] of image) {
    mkdirSync(dirname(join(dir, 'log', path)), { recursive: true })
    writeFileSync(join(dir, 'log', path), bytes)
  }
}

export const replace = (image: Image, path: string, bytes: Buffer | null): Image => {
  const changed = new Map(image)
  if (bytes === null) changed.delete(path)
  else changed.set(path, bytes)
  return changed
}

/** The write-ahead log in use: the one with the greatest number. */
export const logOf = (image: Image): string => {
  const logs = [...image.keys()].filter((path) => /^db\/\d+\.log$/.test(path)).sort()
  const last = logs.at(-1)
  if (last === undefined) throw new Error('the image has no write-ahead log')
  return last
}
