/**
 * What happens to disks: bits that flip, folders that are deleted or copied, and looking for bytes in files.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Found = { readonly path: string; readonly bytes: Buffer; readonly at: number }

/** The files below `dir` that hold `text` as plain bytes, with its first place in each; one that goes while it is read holds nothing. */
export const filesWith = async (dir: string, text: string): Promise<readonly Found[]> => {
  const found: Found[] = []
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    const at = bytes.indexOf(text)
    if (at >= 0) found.push({ path, bytes, at })
  }
  return found
}

/** Flips one bit of `text` where it lies in the one file below `dir` whose name matches. Answers the file's path. */
export const flipBit = async (dir: string, text: string, name: RegExp): Promise<string> => {
  const [found, ...more] = (await filesWith(dir, text)).filter(({ path }) => name.test(path))
  if (found === undefined || more.length > 0)
    throw new Error(
      `${more.length + (found === undefined ? 0 : 1)} files below ${dir} that match ${String(name)} hold ${text}, one was expected`,
    )
  const { path, bytes, at } = found
  bytes[at] = (bytes[at] ?? 0) ^ 0x01
  await writeFile(path, bytes)
  return path
}
