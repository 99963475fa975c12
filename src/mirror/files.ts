/** Files that are whole or not there: written beside, flushed, renamed, and the folder flushed. */
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** In a folder that is the mirror's own, in which nobody else writes. */
export const writeWhole = async (path: string, text: string): Promise<void> => {
  const made = `${path}.new`
  await writeFlushed(made, text)
  await rename(made, path)
  await flushFolder(dirname(path))
}

/** @throws where it is there already. */
export const writeFlushed = async (path: string, text: string): Promise<void> => {
  await rm(path, { force: true })
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Where the system can (Windows cannot open folders). */
export const flushFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r').catch(() => null)
  if (folder === null) return
  await folder.sync().catch(() => undefined)
  await folder.close()
}
