/**
 * Files that a source reads as streams, from a folder or out of a zip, without unpacking it.
 *
 * A zip is hostile until shown otherwise: a name that leaves its folder, a link, a lock, more files or more bytes than anybody exports are
 * refused by name. Nothing is written, so a name can do no harm; it is refused all the same, since whoever made it meant to.
 */
import { createReadStream } from 'node:fs'
import { open as openZip, type Entry, type ZipFile } from 'yauzl'
import { CliFailure } from '../failure.ts'
import { cliLimits } from '../limits.ts'

export type FileBytes = {
  readonly name: string
  readonly size: number
  /** A stream of its bytes; an error of the archive is a `CliFailure`. */ open(): Promise<AsyncIterable<Uint8Array>>
}

export const fileBytes = (path: string, name: string, size: number): FileBytes => ({
  name,
  size,
  open: () => Promise.resolve(createReadStream(path)),
})

/** Compressed text is a tenth of its size, a log a fiftieth; a bomb a thousandth. */
const RATIO_MAX = 200
/** Below it any ratio is harmless. */
const SMALL_BYTES = 16 * 1024 * 1024

/** @param wanted whether a file of this name is read. @returns what is in it, and how many others by reason. */
export const zipFiles = async (
  path: string,
  wanted: (name: string) => boolean,
): Promise<{ readonly files: readonly FileBytes[]; readonly skipped: ReadonlyMap<string, number> }> => {
  const files: FileBytes[] = []
  const skipped = new Map<string, number>()
  let [entries, bytes] = [0, 0]
  await entriesOf(path, (entry) => {
    const refuse = (why: string): CliFailure =>
      new CliFailure(`${path} is refused: ${entry.fileName.slice(0, 200)} ${why}`)
    if (++entries > cliLimits.import_zip_entries_max)
      throw refuse(`is more than the ${cliLimits.import_zip_entries_max} files that a zip may hold`)
    if (((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000) throw refuse('is a symbolic link')
    if ((entry.generalPurposeBitFlag & 1) !== 0) throw refuse('is encrypted; unpack it first')
    if (entry.fileName.endsWith('/')) return
    bytes += entry.uncompressedSize
    if (bytes > cliLimits.import_zip_bytes_max)
      throw refuse(`makes it more than ${cliLimits.import_zip_bytes_max / 1024 ** 3} GiB`)
    if (entry.uncompressedSize > SMALL_BYTES && entry.uncompressedSize > entry.compressedSize * RATIO_MAX)
      throw refuse(
        `grows to more than ${RATIO_MAX} times its size (a bomb); unpack it and import the folder if you trust it`,
      )
    if (wanted(entry.fileName))
      files.push({ name: entry.fileName, size: entry.uncompressedSize, open: () => entryStream(path, entry.fileName) })
    else skipped.set('other file of the zip', (skipped.get('other file of the zip') ?? 0) + 1)
  })
  return { files, skipped }
}

/** The bytes of these, in the zip's own order and in one pass. A size that is not what the zip says fails. */
export async function* zipContents(
  path: string,
  wanted: ReadonlySet<string>,
): AsyncGenerator<{ readonly name: string; readonly bytes: Buffer }> {
  const zip = await opened(path)
  try {
    for await (const entry of inTurn(zip, path)) {
      if (!wanted.has(entry.fileName)) continue
      const chunks: Uint8Array[] = []
      for await (const chunk of await streamOf(zip, entry, path)) chunks.push(chunk)
      yield { name: entry.fileName, bytes: Buffer.concat(chunks) }
    }
  } finally {
    zip.close()
  }
}

async function* inTurn(zip: ZipFile, path: string): AsyncGenerator<Entry> {
  for (;;) {
    const entry = await new Promise<Entry | null>((resolve, reject) => {
      const done = (settle: () => void): void => {
        zip.removeAllListeners('entry').removeAllListeners('end').removeAllListeners('error')
        settle()
      }
      zip.once('entry', (next: Entry) => done(() => resolve(next)))
      zip.once('end', () => done(() => resolve(null)))
      zip.once('error', (error: unknown) => done(() => reject(broken(path, error))))
      zip.readEntry()
    })
    if (entry === null) return
    yield entry
  }
}

/** Each entry in turn. Rejects with a `CliFailure`; a name that leaves the folder is one of its reasons. */
const entriesOf = async (path: string, take: (entry: Entry, zip: ZipFile) => void | 'stop'): Promise<void> => {
  const zip = await opened(path)
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => {
      zip.close()
      reject(error instanceof CliFailure ? error : broken(path, error))
    }
    zip
      .on('error', fail)
      .once('end', () => {
        zip.close()
        resolve()
      })
      .on('entry', (entry: Entry) => {
        try {
          if (take(entry, zip) === 'stop') return resolve()
          zip.readEntry()
        } catch (error) {
          fail(error)
        }
      })
    zip.readEntry()
  })
}

const entryStream = async (path: string, name: string): Promise<AsyncIterable<Uint8Array>> => {
  let found: Promise<AsyncIterable<Uint8Array>> | null = null
  await entriesOf(path, (entry, zip) => {
    if (entry.fileName !== name) return undefined
    found = streamOf(zip, entry, path, () => zip.close())
    return 'stop'
  })
  return found ?? Promise.reject(broken(path, new Error(`${name} is gone`)))
}

const streamOf = (
  zip: ZipFile,
  entry: Entry,
  path: string,
  onClose: () => void = () => undefined,
): Promise<AsyncIterable<Uint8Array>> =>
  new Promise((resolve, reject) =>
    zip.openReadStream(entry, (error, stream) => {
      if (error !== null) return reject(broken(path, error))
      stream.once('close', onClose)
      resolve(translated(stream, path))
    }),
  )

async function* translated(stream: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* stream
  } catch (error) {
    throw broken(path, error)
  }
}

const opened = (path: string): Promise<ZipFile> =>
  new Promise((resolve, reject) =>
    openZip(
      path,
      { lazyEntries: true, autoClose: false, strictFileNames: true, validateEntrySizes: true },
      (error, zip) => (error === null ? resolve(zip) : reject(broken(path, error))),
    ),
  )

const broken = (path: string, error: unknown): CliFailure =>
  new CliFailure(`cannot read ${path} as a zip: ${error instanceof Error ? error.message : String(error)}`)
