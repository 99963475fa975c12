/**
 * A configuration file of another program: read whole, changed at once or not at all. A link stays a link, the file that it leads to keeps its
 * mode and owner, and a file that its owner may not write is refused: somebody meant that.
 */
import { constants } from 'node:fs'
import { access, chmod, lstat, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { NodeError } from '../errors.ts'
import { makeFolder } from '../membership/make-folder.ts'
import type { Random } from '../ports/clock.ts'

/** The largest seen in use, a history kept among the settings, has some 10 MB. */
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** @param path as it was named; `target` where it leads. @param bytes null: there is none yet. */
export type ConfigFile = {
  readonly path: string
  readonly target: string
  readonly bytes: Buffer | null
  readonly text: string
}

/** @throws NodeError when it cannot be read, is no file of text, or is too large. */
export const readConfig = async (path: string): Promise<ConfigFile> => {
  const entry = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw failure('read', path, error)
  })
  if (entry === null) return { path, target: path, bytes: null, text: '' }
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT'
      ? new NodeError(
          'not_found',
          `${path} is a link that leads nowhere: take it away, or make the file that it leads to`,
        )
      : failure('read', path, error)
  })
  const { size, isFile } = await stat(target).then((found) => ({ size: found.size, isFile: found.isFile() }))
  if (!isFile) throw new NodeError('malformed', `${path} is no file: see what is in its place`)
  if (size > FILE_BYTES_MAX)
    throw new NodeError(
      'too_large',
      `${path} has ${size} bytes, more than a configuration may have (${FILE_BYTES_MAX}): write the entry by hand, \`--dry-run\` shows it`,
    )
  const bytes = await readFile(target).catch((error: NodeJS.ErrnoException) => {
    throw failure('read', path, error)
  })
  try {
    return { path, target, bytes, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    throw new NodeError('malformed', `${path} is no text in UTF-8: save it as UTF-8 first; nothing was changed`)
  }
}

/** @throws NodeError when its owner may not write it, or we may not. */
export const requireWritable = async ({ path, target, bytes }: ConfigFile): Promise<void> => {
  if (bytes === null) return
  const { mode } = await stat(target)
  const allowed = await access(target, constants.W_OK).then(
    () => true,
    () => false,
  )
  if ((mode & 0o222) === 0 || !allowed)
    throw new NodeError(
      'forbidden',
      `${path}${target === path ? '' : ` (${target})`} is read-only: make it writable, or have whoever manages it add the entry; nothing was changed`,
    )
}

/** Puts `text` in its place. @throws NodeError when it is not any more what was read, or cannot be written. */
export const replaceConfig = async (file: ConfigFile, text: string, random: Random): Promise<void> => {
  const folder = dirname(file.target)
  if (file.bytes === null)
    await makeFolder(folder, 0o700).catch((error: NodeJS.ErrnoException) =>
      Promise.reject(failure('make', folder, error)),
    )
  const before = file.bytes === null ? null : await stat(file.target)
  const beside = join(folder, `.${basename(file.target)}.${Buffer.from(random.bytes(6)).toString('hex')}.new`)
  try {
    const made = await open(beside, 'wx', 0o600)
    try {
      await made.writeFile(text, 'utf8')
      const { uid, gid } = await made.stat()
      if (before !== null && (before.uid !== uid || before.gid !== gid)) await made.chown(before.uid, before.gid)
      if (before !== null) await made.chmod(before.mode & 0o7777)
      await made.sync()
    } finally {
      await made.close()
    }
    await requireUnchanged(file)
    await rename(beside, file.target)
  } catch (error) {
    await rm(beside, { force: true })
    throw error instanceof NodeError ? error : failure('write', file.path, error as NodeJS.ErrnoException)
  }
}

/** Takes a file away that was made for our entry alone. */
export const removeConfig = async (file: ConfigFile): Promise<void> => {
  await requireUnchanged(file)
  await rm(file.path).catch((error: NodeJS.ErrnoException) => Promise.reject(failure('take away', file.path, error)))
}

/** Kept as it was, its owner's alone: configurations hold keys of other services. */
export const copyConfig = async ({ bytes }: ConfigFile, to: string): Promise<void> => {
  if (bytes === null) return
  try {
    await makeFolder(dirname(to), 0o700)
    const copy = await open(to, 'w', 0o600)
    try {
      await copy.writeFile(bytes)
      await copy.sync()
    } finally {
      await copy.close()
    }
    await chmod(to, 0o600)
  } catch (error) {
    throw failure('keep a copy in', to, error as NodeJS.ErrnoException)
  }
}

const requireUnchanged = async ({ path, target, bytes }: ConfigFile): Promise<void> => {
  const now = await readFile(target).catch(() => null)
  if (bytes === null ? now !== null : now?.equals(bytes) !== true)
    throw new NodeError(
      'conflict',
      `${path} was changed by another program meanwhile: nothing was written; run this again`,
    )
}

const failure = (doing: string, path: string, error: NodeJS.ErrnoException): NodeError => {
  const why =
    error.code === 'EACCES' || error.code === 'EPERM'
      ? 'not permitted; see to its rights and who owns it'
      : error.code === 'ENOSPC'
        ? 'the disk is full; make room'
        : error.code === 'EROFS'
          ? 'the disk is read-only'
          : (error.code ?? error.message)
  return new NodeError('internal', `cannot ${doing} ${path}: ${why}; nothing was changed`)
}
