/**
 * Makes a folder and those above it. Not `mkdir` with `recursive`: where the system says that a parent does not exist and cannot be made
 * (`/proc/x/y`), Node 20 goes up and down between the two for ever.
 */
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Resolves when it is there; a folder that is there already is left as it is. Rejects with the system's error. */
export const makeFolder = async (dir: string, mode: number): Promise<void> => {
  const path = resolve(dir)
  try {
    await make(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error
    await makeFolder(parent, mode)
    // Said again of a parent that is there now, it is the answer.
    await make(path, mode)
  }
}

const make = (path: string, mode: number): Promise<void> =>
  mkdir(path, { mode }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error
  })

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null)
