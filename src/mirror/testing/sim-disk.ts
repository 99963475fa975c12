/** A folder and what is remembered of it, in memory, on a machine that stops at any step. */
import type { Folder, Known, Records } from '../ports.ts'

export type SimDisk = {
  readonly files: Map<string, string>
  readonly records: Map<string, Known>
  folder(step: (what: string) => void): Folder
  recordsOf(step: (what: string) => void): Records
}

/** A disk that keeps the case of names and does not tell it apart. */
class CaselessFiles extends Map<string, string> {
  #spelled(path: string): string {
    for (const one of this.keys()) if (one.toLowerCase() === path.toLowerCase()) return one
    return path
  }
  override get(path: string): string | undefined {
    return super.get(this.#spelled(path))
  }
  override has(path: string): boolean {
    return super.has(this.#spelled(path))
  }
  override set(path: string, text: string): this {
    return super.set(this.#spelled(path), text)
  }
  override delete(path: string): boolean {
    return super.delete(this.#spelled(path))
  }
}

export const createSimDisk = (isCaseless = false): SimDisk => {
  const files = isCaseless ? new CaselessFiles() : new Map<string, string>()
  const records = new Map<string, Known>()
  let cursor: string | null = null
  const around = async <T>(step: (what: string) => void, what: string, work: () => T): Promise<T> => {
    step(`before ${what}`)
    await Promise.resolve()
    const result = work()
    step(`after ${what}`)
    return result
  }
  return {
    files,
    records,
    folder: (step) => ({
      scan: () =>
        around(step, 'scan', () => ({
          files: [...files].map(([path, text]) => ({ path, stamp: `=${text}`, isQuiet: true })),
          refused: [],
        })),
      read: (path) => around(step, 'read', () => (files.has(path) ? { text: files.get(path)! } : null)),
      replace: (path, text, expected) =>
        around(step, 'replace', () => {
          if ((files.get(path) ?? null) !== expected) return false
          if (text === null) files.delete(path)
          else files.set(path, text)
          return true
        }),
      overtaken: async () => [],
    }),
    recordsOf: (step) => ({
      all: async () => [...records.values()],
      put: (known) => around(step, 'put', () => void records.set(known.name, known)),
      remove: (name) => around(step, 'remove', () => void records.delete(name)),
      cursor: async () => cursor,
      putCursor: (next) =>
        around(step, 'putCursor', () => {
          cursor = next
        }),
    }),
  }
}
