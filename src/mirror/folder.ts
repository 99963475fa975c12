/**
 * A folder of Markdown files on a real disk. Of what lies in it only `.md` files are touched: no link is followed, nothing in a dot folder is
 * seen, and every folder on the way to a file is looked at before the file is.
 *
 * A file is replaced by one that is whole and flushed. The old one is kept until it is known that nobody wrote to it in that moment.
 */
import { constants, lstatSync, type Dirent, type Stats } from 'node:fs'
import { chmod, link, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { flushFolder, writeFlushed } from './files.ts'
import { mirrorLimits } from './limits.ts'
import type { Folder, Held, Seen } from './ports.ts'

type FolderOptions = {
  readonly root: string
  /** The mirror's own folder, on the same disk. */
  readonly own: string
  readonly now: () => number
}

const errorCode = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')
const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errorCode(error))

export const openFolder = async ({ root: given, own, now }: FolderOptions): Promise<Folder> => {
  const root = await realpath(given)
  const rootId = await stat(root)
  const replaced = join(own, 'replaced')
  const made = join(own, 'new.md')
  let counter = 0
  let turn: Promise<unknown> = Promise.resolve()

  const at = (path: string): string => join(root, path)
  /** Whether the folder of `path` is there, and no part of it a link. @throws where something else stands in its place. */
  const stepDown = async (path: string, isMade: boolean): Promise<boolean> => {
    let folder = root
    for (const part of path.split('/').slice(0, -1)) {
      folder = join(folder, part)
      if (isMade)
        await mkdir(folder).catch((error: unknown) =>
          errorCode(error) === 'EEXIST'
            ? undefined
            : Promise.reject(error instanceof Error ? error : new Error(String(error))),
        )
      const found = await lstat(folder).catch((error: unknown) => {
        if (isAbsent(error)) return null
        throw error
      })
      if (found === null) return false
      if (!found.isDirectory()) throw new Refused('a folder on its way is a link or a file')
    }
    return true
  }

  const read = async (path: string): ReturnType<Folder['read']> => {
    try {
      if (!(await stepDown(path, false))) return null
      return { text: await textOf(at(path)) }
    } catch (error) {
      if (error instanceof Refused) return { refused: error.message }
      if (isAbsent(error)) return null
      if (['EACCES', 'EPERM', 'ELOOP', 'EISDIR'].includes(errorCode(error)))
        return { refused: `it cannot be read (${errorCode(error)})` }
      throw error
    }
  }

  const scan = async (): ReturnType<Folder['scan']> => {
    const there = await stat(root).catch(() => null)
    if (there === null || there.ino !== rootId.ino || there.dev !== rootId.dev)
      throw new Error(`${given} is no longer the folder that it was; start the mirror again when it is back`)
    const files: Seen[] = []
    const refused: Held[] = []
    let entries = 0
    const walk = async (folder: string, depth: number): Promise<void> => {
      const found = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown): Dirent[] => {
        if (!isAbsent(error)) refused.push({ path: folder, why: `the folder cannot be read (${errorCode(error)})` })
        return []
      })
      for (const entry of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (entry.name.startsWith('.')) continue
        if (++entries > mirrorLimits.entries_max)
          throw new Error(`${given} has more than ${mirrorLimits.entries_max} entries; mirror a smaller folder`)
        if (entry.isDirectory()) {
          if (depth < mirrorLimits.depth_max) await walk(path, depth + 1)
          else refused.push({ path, why: `it is deeper than ${mirrorLimits.depth_max} folders` })
        } else if (/\.md$/i.test(entry.name)) {
          const facts = entry.isFile() ? factsOf(join(root, path)) : null
          if (facts?.isFile() !== true) refused.push({ path, why: 'it is a link, or no plain file' })
          else if (files.length >= mirrorLimits.files_max)
            refused.push({ path, why: `the folder has more than ${mirrorLimits.files_max} files` })
          else
            files.push({
              path,
              stamp: [facts.ino, facts.size, facts.mtimeMs, facts.ctimeMs].join(' '),
              isQuiet: Math.abs(now() - facts.mtimeMs) >= mirrorLimits.quiet_ms,
            })
        }
      }
    }
    await walk('', 0)
    return { files, refused }
  }

  const replace = async (path: string, text: string | null, expected: string | null): Promise<boolean> => {
    if (path.split('/').some((part) => part === '' || part.startsWith('.')))
      throw new Error(`${path} is no path that a mirror writes`)
    const before = await read(path)
    if (before !== null && 'refused' in before) return false
    if ((before?.text ?? null) !== expected) return false
    if (!(await stepDown(path, text !== null))) return text === null
    const old = join(replaced, `${process.pid}-${now()}-${counter++}`)
    await mkdir(replaced, { recursive: true })
    if (expected !== null) await writeFlushed(`${old}.json`, JSON.stringify({ path, expected }))
    try {
      if (text === null) await rename(at(path), old)
      else if (expected === null) {
        await writeFlushed(made, text)
        await put(made, at(path))
      } else {
        await writeFlushed(made, text)
        await chmod(made, (await stat(at(path))).mode & 0o777)
        // Where the system has no second names, what is written in this very moment is lost.
        await link(at(path), old).catch(() => undefined)
        await rename(made, at(path))
      }
    } catch (error) {
      await rm(`${old}.json`, { force: true })
      if (isAbsent(error) || errorCode(error) === 'EEXIST') return false
      throw error
    }
    await flushFolder(dirname(at(path)))
    if (expected !== null) {
      const last = await readFile(old, 'utf8').catch(() => expected)
      if (last === expected) {
        await rm(old, { force: true })
        await rm(`${old}.json`, { force: true })
      }
    }
    return true
  }

  return {
    scan,
    read,
    // One after the other: they share a file.
    replace: (path, text, expected) => {
      const done = turn.then(() => replace(path, text, expected))
      turn = done.catch(() => undefined)
      return done
    },
    overtaken: async () => {
      const all: { path: string; text: string; expected: string; done(): Promise<void> }[] = []
      for (const name of await readdir(replaced).catch(() => [])) {
        if (!name.endsWith('.json')) continue
        const old = join(replaced, name.slice(0, -'.json'.length))
        const done = async (): Promise<void> => {
          await rm(old, { force: true })
          await rm(`${old}.json`, { force: true })
        }
        const text = await readFile(old, 'utf8').catch(() => null)
        const noted = notedIn(await readFile(`${old}.json`, 'utf8').catch(() => ''))
        if (text === null || noted === null || text === noted.expected) await done()
        else all.push({ ...noted, text, done })
      }
      return all
    },
  }
}

/** Nothing that came there meanwhile is written over. */
const put = async (from: string, to: string): Promise<void> => {
  try {
    await link(from, to)
    await rm(from, { force: true })
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error
    await rename(from, to)
  }
}

/** Not a promise each: thousands are looked at several times a second, in a process that does nothing else, and one takes 3 µs so. */
const factsOf = (file: string): Stats | null => {
  try {
    return lstatSync(file)
  } catch {
    return null
  }
}

class Refused extends Error {}

const textOf = async (file: string): Promise<string> => {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const facts = await handle.stat()
    if (!facts.isFile()) throw new Refused('it is no plain file')
    if (facts.size > mirrorLimits.file_bytes_max)
      throw new Refused(`it has ${facts.size} bytes, more than ${mirrorLimits.file_bytes_max}; part it`)
    const bytes = Buffer.alloc(mirrorLimits.file_bytes_max + 1)
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0)
    if (bytesRead > mirrorLimits.file_bytes_max)
      throw new Refused(`it has more than ${mirrorLimits.file_bytes_max} bytes; part it`)
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, bytesRead))
    if (text.includes('\0')) throw new Refused('it holds NUL, and so is no text')
    return text
  } catch (error) {
    if (error instanceof TypeError) throw new Refused('it is not UTF-8; convert it')
    throw error
  } finally {
    await handle.close()
  }
}

const notedIn = (text: string): { readonly path: string; readonly expected: string } | null => {
  try {
    const { path, expected } = JSON.parse(text) as Readonly<Record<string, unknown>>
    return typeof path === 'string' && typeof expected === 'string' ? { path, expected } : null
  } catch {
    return null
  }
}
