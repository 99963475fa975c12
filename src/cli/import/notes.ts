/**
 * Where notes lie: in a folder, in a zip, or one by itself. Each has a place that is the same whenever it is read again.
 */
import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { errorCode } from '../failure.ts'
import { cliLimits } from '../limits.ts'
import { zipContents, zipFiles } from './archive.ts'
import type { ImportSource, ProblemItem } from './item.ts'
import { shortHash } from './known.ts'
import { type Origin, originOf, within } from './origin.ts'
import { walk, type Walked } from './walk.ts'

export const MARKDOWN = /\.(md|markdown|mdown|mdx)$/i
export const PLAIN = /\.txt$/i
export const isNote = (name: string): boolean => MARKDOWN.test(name) || PLAIN.test(name)

export type NoteFile = {
  /** Its path below what is imported, with `/`. */
  readonly where: string
  readonly place: string
  /** Asked once, before the next file. */
  read(): Promise<{ readonly bytes: Buffer } | { readonly problem: string }>
}
export type Notes = {
  readonly isFolder: boolean
  /** The place of all. */
  readonly root: string
  readonly total: number
  readonly problems: readonly ProblemItem[]
  readonly skipped: Map<string, number>
  /** @param only those of these paths. */
  each(only?: ReadonlySet<string>): AsyncIterable<NoteFile>
  /** Whether a memory came from there. @param seen places of files that came in, `broken` of those that did not do so whole. */
  covers(seen: ReadonlySet<string>, broken: ReadonlySet<string>): NonNullable<ImportSource['covers']>
}

const TOO_LARGE = `larger than ${cliLimits.import_file_bytes_max / 1024 ** 2} MiB; cut it into several files`

/** @param path a folder or a file. Rejects with a `CliFailure` when it cannot be read. */
export const notesAt = async (path: string): Promise<Notes> => {
  const isFolder = (await stat(path)).isDirectory()
  const real = await realpath(path)
  const dir = isFolder ? real : dirname(real)
  const origin = await originOf(dir)
  const placeOf = (at: string): string => shortHash(origin.name, within(origin, at))
  const root = placeOf(dir)
  const { files, problems, skipped }: Walked = isFolder
    ? await walk(path, isNote)
    : { files: [path], problems: [], skipped: new Map() }
  return {
    isFolder,
    root,
    total: files.length,
    problems,
    skipped,
    async *each(only) {
      for (const file of files) {
        const where = isFolder ? relative(path, file).split(sep).join('/') : basename(file)
        if (only === undefined || only.has(where))
          yield { where, place: placeOf(isFolder ? join(real, where) : real), read: () => readNote(file) }
      }
    },
    covers: (seen, broken) =>
      coverage({ isFolder, isWhole: problems.length === 0, real, origin, root, files, seen, broken }),
  }
}

const readNote = async (file: string): ReturnType<NoteFile['read']> => {
  try {
    const { size } = await stat(file)
    return size > cliLimits.import_file_bytes_max ? { problem: TOO_LARGE } : { bytes: await readFile(file) }
  } catch (error) {
    return { problem: `cannot be read (${errorCode(error) || String(error)})` }
  }
}

/** A zip's notes are at home in its name: the next export of a vault under the same name changes what the last one brought. */
export const notesInZip = async (path: string): Promise<Notes> => {
  const skipped = new Map<string, number>()
  const skip = (reason: string): false => {
    skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    return false
  }
  const { files } = await zipFiles(path, (name) => {
    const hidden = name
      .split('/')
      .find((part) => part.startsWith('.') || part === 'node_modules' || part === '__MACOSX')
    if (hidden !== undefined) return skip(hidden)
    return isNote(name) || skip(/\.[^./]+$/.exec(name)?.[0].toLowerCase() ?? 'no extension')
  })
  // A zip of a folder holds it as its one folder.
  const [top = ''] = files[0]?.name.split('/') ?? []
  const cut = top !== '' && files.every(({ name }) => name.startsWith(`${top}/`)) ? top.length + 1 : 0
  const home = `zip:${basename(path).toLowerCase()}`
  const root = shortHash(home, '')
  return {
    isFolder: true,
    root,
    total: files.length,
    problems: [],
    skipped,
    async *each(only) {
      const wanted = new Set(
        files.flatMap(({ name, size }) =>
          size <= cliLimits.import_file_bytes_max && (only?.has(name.slice(cut)) ?? true) ? [name] : [],
        ),
      )
      if (only === undefined)
        for (const { name, size } of files)
          if (size > cliLimits.import_file_bytes_max) yield noteOf(name, async () => ({ problem: TOO_LARGE }))
      for await (const { name, bytes } of zipContents(path, wanted)) yield noteOf(name, async () => ({ bytes }))
    },
    covers: (seen, broken) => (known) => known.root === root && (seen.has(known.file) ? !broken.has(known.file) : true),
  }

  function noteOf(name: string, read: NoteFile['read']): NoteFile {
    const where = name.slice(cut)
    return { where, place: shortHash(home, where), read }
  }
}

type Covering = {
  readonly isFolder: boolean
  readonly isWhole: boolean
  readonly real: string
  readonly origin: Origin
  readonly root: string
  readonly files: readonly string[]
  readonly seen: ReadonlySet<string>
  readonly broken: ReadonlySet<string>
}

/** A file that is there answers for its sections; a folder that was read whole for its files, whichever folder above or below it they came by. */
const coverage = ({
  isFolder,
  isWhole,
  real,
  origin,
  root,
  files,
  seen,
  broken,
}: Covering): NonNullable<ImportSource['covers']> => {
  const above = new Map<string, string>([[root, '']])
  if (isFolder)
    for (let dir = real; dir !== origin.base && dirname(dir) !== dir;) {
      dir = dirname(dir)
      above.set(shortHash(origin.name, within(origin, dir)), `${relative(dir, real).split(sep).join('/')}/`)
    }
  const below = new Set(isFolder ? files.map((file) => shortHash(origin.name, within(origin, dirname(file)))) : [])
  return (known) => {
    if (seen.has(known.file)) return !broken.has(known.file)
    const inside = above.get(known.root)
    return isFolder && isWhole && (inside === undefined ? below.has(known.root) : known.path.startsWith(inside))
  }
}
