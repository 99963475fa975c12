/**
 * Where backups lie: a folder with the manifests in `backups/` and the chunks, under their hashes, in `chunks/`.
 *
 * A chunk is written whole, synced and renamed before any manifest names it, and a manifest likewise: whatever cuts a backup short, no
 * manifest is there for it. Chunks that no manifest names are removed with the next backup that is kept or dropped.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

export type BackupFolder = {
  /** Manifests by their names, the oldest first. */
  names(): Promise<readonly string[]>
  /** Null when it is not there. */
  readManifest(name: string): Promise<Uint8Array | null>
  writeManifest(name: string, bytes: Uint8Array): Promise<void>
  removeManifest(name: string): Promise<void>
  /** Where it lies, for people. */
  manifestPath(name: string): string
  hasChunk(hash: string): Promise<boolean>
  /** Null when it is not there. */
  readChunk(hash: string): Promise<Uint8Array | null>
  writeChunk(hash: string, bytes: Uint8Array): Promise<void>
  /** Removes all chunks but these, and what an attempt that was cut short left; answers how many bytes that freed. */
  keepChunks(named: ReadonlySet<string>): Promise<number>
}

export const backupName = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/

/** Makes nothing before something is written. */
export const openBackupFolder = (dir: string): BackupFolder => {
  const [manifests, chunks] = [join(dir, 'backups'), join(dir, 'chunks')]
  const manifestAt = (name: string): string => join(manifests, `${name}.json`)
  /** In 256 folders: some file systems are slow with many files in one. */
  const chunkAt = (hash: string): string => join(chunks, hash.slice(0, 2), hash)
  return {
    names: async () =>
      (await entriesOf(manifests))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length))
        .filter((name) => backupName.test(name))
        .sort(),
    readManifest: (name) => orNull(readFile(manifestAt(name))),
    writeManifest: (name, bytes) => writeWhole(manifests, `${name}.json`, bytes),
    removeManifest: async (name) => {
      await rm(manifestAt(name), { force: true })
      await flush(manifests)
    },
    manifestPath: manifestAt,
    hasChunk: async (hash) => (await orNull(stat(chunkAt(hash)))) !== null,
    readChunk: (hash) => orNull(readFile(chunkAt(hash))),
    writeChunk: (hash, bytes) => writeWhole(join(chunks, hash.slice(0, 2)), hash, bytes),
    keepChunks: async (named) => {
      let freed = 0
      for (const folder of await entriesOf(chunks)) {
        for (const name of await entriesOf(join(chunks, folder))) {
          if (named.has(name)) continue
          freed += (await orNull(stat(join(chunks, folder, name))))?.size ?? 0
          await rm(join(chunks, folder, name), { force: true })
        }
      }
      return freed
    },
  }
}

const entriesOf = async (path: string): Promise<readonly string[]> => (await orNull(readdir(path))) ?? []

const orNull = <T>(reading: Promise<T>): Promise<T | null> =>
  reading.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  })

const writeWhole = async (folder: string, name: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const [path, fresh] = [join(folder, name), join(folder, `${name}.new`)]
  await rm(fresh, { force: true })
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(fresh, path)
  await flush(folder)
}

/** Makes a folder's entries durable. */
const flush = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
