/** Scratch folders for the store's tests, removed after each test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

/** Call at the top of a test file; answers a maker of fresh folders. */
export const scratchFolders = (): (() => string) => {
  const made: string[] = []
  afterEach(() => {
    for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true })
  })
  return () => {
    const dir = mkdtempSync(join(tmpdir(), 'mnemesh-store-'))
    made.push(dir)
    return dir
  }
}
