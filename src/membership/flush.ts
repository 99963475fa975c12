/** Makes a file, or the entries of a folder, durable. */
import { open } from 'node:fs/promises'

export const flush = async (path: string): Promise<void> => {
  const opened = await open(path, 'r')
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}
