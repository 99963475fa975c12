/**
 * Backups read back: listed, every byte checked, one opened for a restore. Nothing that is read is believed before its hash or signature is.
 */
import { sha256Hex } from '../../crdt/hash.ts'
import type { BackupFolder } from '../../snapshots/files.ts'
import { decodeManifest, STORED_BYTES_MAX, type BackedUpFile, type Backup } from '../../snapshots/manifest.ts'
import { NodeError } from '../errors.ts'
import type { Cipher } from './backup-cipher.ts'
import { openPlace, type Place } from './backup-place.ts'

export type ListedBackup = {
  readonly backup: string
  readonly peer_id: string
  readonly name: string
  readonly mesh_id: string
  readonly made_at: string
  readonly commits: number
  readonly bytes: number
  readonly encrypted: boolean
}

/** What tells the client of S3 where its store is. */
export type Env = { readonly env?: Readonly<Record<string, string | undefined>> }
/** `from`: where backups lie, or one backup's manifest. `backup`: that one alone. */
export type From = Env & { readonly from: string; readonly backup?: string | undefined }

/** Every backup there, the oldest first. @throws NodeError when there is none. */
export const listBackups = async ({ from, env = {} }: From): Promise<readonly ListedBackup[]> =>
  listOf(await openPlace(from, env))

const listOf = async (place: Place): Promise<readonly ListedBackup[]> => {
  const { folder } = place
  const listed: ListedBackup[] = []
  for (const name of await requireNames(place)) {
    const { peer, mesh, files, sealing, name: peerName, made_at, commits } = await requireManifest(folder, name)
    listed.push({
      backup: name,
      peer_id: peer,
      name: peerName,
      mesh_id: mesh,
      made_at,
      commits,
      bytes: bytesOf(files),
      encrypted: sealing !== null,
    })
  }
  return listed
}

/** Reads every byte of one backup, or of all. @throws NodeError that names the first that is not whole. */
export const verifyBackups = async ({
  onProgress,
  ...asked
}: From & { readonly onProgress?: (done: number, total: number) => void }): Promise<readonly ListedBackup[]> => {
  const place = await openPlace(asked.from, asked.env ?? {})
  const names = await chosen(place, asked.backup)
  for (const name of names) await checkBackup(place.folder, name, onProgress)
  return (await listOf(place)).filter(({ backup: name }) => names.includes(name))
}

/** A backup whose every chunk is there. @throws NodeError `refused`. */
export const requireBackup = async ({
  from,
  backup,
  env = {},
}: From): Promise<{ readonly name: string; readonly backup: Backup; readonly folder: BackupFolder }> => {
  const place = await openPlace(from, env)
  const name = (await chosen(place, backup)).at(-1)!
  return { name, backup: await checkBackup(place.folder, name), folder: place.folder }
}

/** The bytes of one file. @throws NodeError `forbidden` for a wrong passphrase. */
export const readFileOf = async function* (
  folder: BackupFolder,
  file: BackedUpFile,
  cipher: Cipher | null,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for (const hash of file.chunks) {
    const stored = await requireChunk(folder, file, hash)
    const chunk = cipher === null ? stored : cipher.open(stored)
    bytes += chunk.length
    yield chunk
  }
  if (bytes !== file.bytes) throw damaged(`${file.path} has ${bytes} bytes and should have ${file.bytes}`)
}

const checkBackup = async (
  folder: BackupFolder,
  name: string,
  onProgress?: (done: number, total: number) => void,
): Promise<Backup> => {
  const backup = await requireManifest(folder, name)
  for (const [i, file] of backup.files.entries()) {
    await checkFile(folder, file)
    onProgress?.(i + 1, backup.files.length)
  }
  if (!backup.files.some(({ path }) => path === 'log/db/CURRENT') || backup.commits === 0)
    throw damaged(`${name} holds no log`)
  return backup
}

/** Every chunk of a file read, and held against its name. */
export const checkFile = async (folder: BackupFolder, file: BackedUpFile): Promise<void> => {
  for (const hash of file.chunks) await requireChunk(folder, file, hash)
}

const requireChunk = async (folder: BackupFolder, file: BackedUpFile, hash: string): Promise<Uint8Array> => {
  const bytes = await folder.readChunk(hash)
  if (bytes === null) throw damaged(`a part of ${file.path} is missing (chunk ${hash.slice(0, 12)})`)
  if (bytes.length > STORED_BYTES_MAX || sha256Hex(bytes) !== hash)
    throw damaged(`a part of ${file.path} is not what was written (chunk ${hash.slice(0, 12)})`)
  return bytes
}

/** @throws NodeError `refused` when it is missing, damaged, or not signed by its peer */
export const requireManifest = async (folder: BackupFolder, name: string): Promise<Backup> => {
  const bytes = await folder.readManifest(name)
  const backup = bytes === null ? { wrong: 'its manifest is missing' } : decodeManifest(bytes)
  if ('wrong' in backup) throw damaged(`${name}: ${backup.wrong}`)
  return backup
}

const requireNames = async ({ folder, name: from }: Place): Promise<readonly string[]> => {
  const names = await folder.names()
  if (names.length === 0)
    throw new NodeError(
      'not_found',
      `there is no backup in ${from}: make one with \`mnemesh backup create --data DIR --to ${from}\``,
    )
  return names
}

const chosen = async (place: Place, asked: string | undefined): Promise<readonly string[]> => {
  const names = await requireNames(place)
  const backup = asked ?? place.backup
  if (backup === undefined) return names
  if (!names.includes(backup))
    throw new NodeError(
      'not_found',
      `${place.name} has no backup ${backup}; \`mnemesh backup list ${place.name}\` shows those that are there`,
    )
  return [backup]
}

const damaged = (what: string): NodeError =>
  new NodeError('refused', `the backup is not whole: ${what}; take another backup, or another copy of this one`)
export const bytesOf = (files: readonly BackedUpFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0)
