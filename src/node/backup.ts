/**
 * Backups of a peer's folder, made from outside, while it runs or is stopped, and kept to a number.
 *
 * What is backed up is the folder's identity and a copy of its log at one moment (`src/store/copy.ts`). The search index is not: it is
 * made again. A backup counts when every chunk of it was read back and its manifest, signed by the peer's key, was written behind them.
 */
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { sha256Hex } from '../../crdt/hash.ts'
import { bytesToHex } from '../../crdt/ids.ts'
import type { BackupFolder } from '../../snapshots/files.ts'
import {
  CHUNK_BYTES_MAX,
  decodeManifest,
  encodeManifest,
  type BackedUpFile,
  type Backup,
  type Sealing,
} from '../../snapshots/manifest.ts'
import { NodeError } from '../errors.ts'
import { requireIdentity } from '../membership/folder.ts'
import { makeFolder } from '../membership/make-folder.ts'
import type { Clock, Random } from '../ports/clock.ts'
import { copyStore } from '../store/copy.ts'
import { takeProcessLock } from '../store/process-lock.ts'
import { openCipher, SCRYPT_COST, type Cipher } from './backup-cipher.ts'
import { isBucket, openPlace } from './backup-place.ts'
import { bytesOf, checkFile, requireManifest, type Env } from './backup-read.ts'

export type BackupAnswer = {
  readonly backup: string
  /** The path of its manifest, or its address. */
  readonly manifest: string
  readonly peer_id: string
  readonly mesh_id: string
  readonly commits: number
  readonly files: number
  readonly bytes: number
  /** What it took: chunks that an earlier backup had already take nothing. */
  readonly stored_bytes: number
  readonly encrypted: boolean
  /** Older ones that `keep` let go. */
  readonly removed: readonly string[]
}

type Making = Env & {
  readonly dir: string
  /** A folder, or `s3://bucket/prefix`. */
  readonly to: string
  readonly keep?: number
  readonly passphrase?: string
  readonly clock: Clock
  readonly random: Random
}

/** Of the folder's own files, those that a start reads. `identity.json` holds its secret key. */
const OWN_FILES = ['identity.json', 'mesh.json', 'recovering.json', 'addresses.json']
const DATABASE_FILE = /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/

/** @throws NodeError, StoreFailure with a line that names cause and mend. */
export const makeBackup = async ({
  dir,
  to,
  keep,
  passphrase,
  clock,
  random,
  env = {},
}: Making): Promise<BackupAnswer> => {
  const identity = await requireIdentity(dir)
  if (!isBucket(to) && isWithin(resolve(to), resolve(dir)))
    throw new NodeError('malformed', `${to} lies in the folder that is backed up: take a folder on another disk`)
  const { folder } = await openPlace(to, env)
  const sealing = passphrase === undefined ? null : await sealingFor(folder, random)
  const cipher = sealing === null ? null : await openCipher(passphrase!, sealing)
  // Beside the log, so that tables are linked and not copied.
  const staged = join(dir, STAGED)
  await makeFolder(staged, 0o700)
  const lock = await takeProcessLock(join(staged, 'lock'))
  if (lock === null) throw new NodeError('conflict', `another process is backing up ${dir}: wait until it is done`)
  try {
    const copy = join(staged, 'copy')
    const { commits } = await copyStore(dir, copy)
    const written = { bytes: 0 }
    const files: BackedUpFile[] = []
    for (const [path, from] of await filesOf(dir, copy)) files.push(await putFile(folder, path, from, cipher, written))
    const backup: Backup = {
      v: 1,
      mesh: identity.mesh,
      peer: identity.peer,
      name: identity.name,
      made_at: new Date(clock.now()).toISOString(),
      commits,
      sealing,
      files,
    }
    for (const file of files) await checkFile(folder, file)
    const name = `${backup.made_at.replaceAll(/[-:.]/g, '')}-${identity.peer.slice(0, 8)}`
    if ((await folder.names()).includes(name))
      throw new NodeError('conflict', `a backup of this moment is there already: ${name}`)
    await folder.writeManifest(name, encodeManifest(backup, identity.keys))
    await requireManifest(folder, name)
    const removed =
      keep === undefined
        ? []
        : await keepLast(folder, identity.peer, keep).catch((error: unknown) => {
            throw new NodeError(
              'refused',
              `backup ${name} is made and whole, and no older one was let go: ${error instanceof Error ? error.message : String(error)}`,
            )
          })
    return {
      backup: name,
      manifest: folder.manifestPath(name),
      peer_id: identity.peer,
      mesh_id: identity.mesh,
      commits,
      files: files.length,
      bytes: bytesOf(files),
      stored_bytes: written.bytes,
      encrypted: sealing !== null,
      removed,
    }
  } finally {
    await lock.release()
    await rm(staged, { recursive: true, force: true })
  }
}

/** What a backup that was killed left holds texts that may be erased by now: a start removes it. */
export const removeStaged = (dir: string): Promise<void> => rm(join(dir, STAGED), { recursive: true, force: true })
const STAGED = 'backing-up'

// ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One salt for all backups of a folder, so that chunks in common are the same bytes. */
const sealingFor = async (folder: BackupFolder, random: Random): Promise<Sealing> => {
  const last = (await folder.names()).at(-1)
  const bytes = last === undefined ? null : await folder.readManifest(last)
  const backup = bytes === null ? null : decodeManifest(bytes)
  const known = backup === null || 'wrong' in backup ? null : backup.sealing
  return known ?? { salt: bytesToHex(random.bytes(16)), cost: SCRYPT_COST }
}

const filesOf = async (dir: string, copy: string): Promise<readonly (readonly [path: string, from: string])[]> => {
  const own: (readonly [string, string])[] = []
  for (const name of OWN_FILES)
    if ((await stat(join(dir, name)).catch(() => null)) !== null) own.push([name, join(dir, name)])
  const database = (await readdir(join(copy, 'log', 'db'))).filter((name) => DATABASE_FILE.test(name)).sort()
  return [
    ...own,
    ['log/mark', join(copy, 'log', 'mark')],
    ...database.map((name) => [`log/db/${name}`, join(copy, 'log', 'db', name)] as const),
  ]
}

const putFile = async (
  folder: BackupFolder,
  path: string,
  from: string,
  cipher: Cipher | null,
  written: { bytes: number },
): Promise<BackedUpFile> => {
  const file = await open(from, 'r')
  const chunks: string[] = []
  let bytes = 0
  try {
    for (;;) {
      const buffer = Buffer.alloc(CHUNK_BYTES_MAX)
      let filled = 0
      while (filled < buffer.length) {
        const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, bytes + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      if (filled === 0) break
      bytes += filled
      const stored = cipher === null ? buffer.subarray(0, filled) : cipher.seal(buffer.subarray(0, filled))
      const hash = sha256Hex(stored)
      chunks.push(hash)
      if (await isWhole(folder, hash)) continue
      await folder.writeChunk(hash, stored)
      written.bytes += stored.length
    }
  } finally {
    await file.close()
  }
  return { path, bytes, chunks }
}

/** What is there under its name and damaged is written again. */
const isWhole = async (folder: BackupFolder, hash: string): Promise<boolean> => {
  if (!(await folder.hasChunk(hash))) return false
  const bytes = await folder.readChunk(hash)
  return bytes !== null && sha256Hex(bytes) === hash
}

/** The newest `keep` of this peer stay. Nothing of another peer is touched, and nothing at all while a manifest cannot be read: it may name any chunk. */
const keepLast = async (folder: BackupFolder, peer: string, keep: number): Promise<readonly string[]> => {
  const all: { readonly name: string; readonly backup: Backup }[] = []
  for (const name of await folder.names()) all.push({ name, backup: await requireManifest(folder, name) })
  const own = all.filter(({ backup }) => backup.peer === peer)
  const removed = own.slice(0, Math.max(0, own.length - keep)).map(({ name }) => name)
  for (const name of removed) await folder.removeManifest(name)
  await folder.keepChunks(
    new Set(
      all
        .filter(({ name }) => !removed.includes(name))
        .flatMap(({ backup }) => backup.files.flatMap(({ chunks }) => chunks)),
    ),
  )
  return removed
}

const isWithin = (path: string, dir: string): boolean => path === dir || path.startsWith(`${dir}/`)
