/**
 * Lines into a file that never grows beyond a bound: full, it becomes `FILE.1`, that `FILE.2`, and the oldest goes.
 *
 * Written at once, line by line: a log is read after crashes. A disk that takes nothing costs lines, never the peer; how many is told by the
 * next line that fits.
 */
import { appendFileSync, renameSync, rmSync, statSync } from 'node:fs'

const MIB = 1024 * 1024
/** Of one file, and files in all: 12 MiB of log say what the last weeks of one user's peer were like. */
export const ROTATION = { bytes: 4 * MIB, files: 3 } as const

/** @returns the function that writes a line with its end. */
export const rotatingFile = (
  path: string,
  { bytes: most, files }: { readonly bytes: number; readonly files: number } = ROTATION,
): ((line: string) => void) => {
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  let lost = 0

  const rotate = (): void => {
    rmSync(files > 1 ? `${path}.${files - 1}` : path, { force: true })
    for (let number = files - 2; number >= 0; number--) {
      const from = number === 0 ? path : `${path}.${number}`
      if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${path}.${number + 1}`)
    }
    size = 0
  }

  return (line) => {
    const text = lost === 0 ? line : `(${lost} lines lost: the disk took none)\n${line}`
    const length = Buffer.byteLength(text)
    try {
      if (size > 0 && size + length > most) rotate()
      appendFileSync(path, text, { mode: 0o600 })
      size += length
      lost = 0
    } catch {
      // Nobody could be told where the log itself cannot be written; the next line counts it.
      lost++
    }
  }
}
