/** How much a user of the package takes: on disk, and in source text for `mnemesh/client` alone. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { reach } from './reach.ts'

/** Unpacked, without dependencies; it was 6.6 MB with fuzzers and tests, and 2.9 MB on 2026-11-30. */
export const PACKAGE_BYTES_MAX = 3_500_000
/** With all dependencies; 160 MB on 2026-11-30 on Linux x64, of which Automerge has 46, PGlite 26 and sodium-native 17. */
export const INSTALL_BYTES_MAX = 180_000_000
/** What `mnemesh/client` loads, in bytes of source. */
export const CLIENT_BYTES_MAX = 60_000

/** Bytes of all files below a folder. */
export const bytesBelow = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

/** Bytes that a program loads with `mnemesh/client`, of the package in `folder`. */
export const clientBytes = (folder: string): number =>
  [...reach([join(folder, 'dist/src/client.js')]).values()].reduce((sum, text) => sum + text.length, 0)

const MEGABYTE = 1_000_000
export const megabytes = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(2)} MB`
