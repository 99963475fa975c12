/**
 * What around an embedded database makes it fail though its folder is sound: no room on the disk, no file left to open, or something
 * else in the folder's place. Then nothing is made anew; it is waited for, or a person is told the mend.
 */
import { closeSync, lstatSync, openSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { limits } from '../../crdt/limits.ts'

const MIB = 2 ** 20

/** One line that names cause and mend; null when nothing is amiss. Takes some 0.2 ms. @param dir `DIR/projection`. */
export const hardshipOf = (dir: string): string | null => inItsPlace(dir) ?? noRoom(dir, 0) ?? noFiles()

/** Null when there is room for `bytes` and a batch. */
export const noRoom = (dir: string, bytes: number): string | null => {
  const free = freeBytes(dir)
  const needed = limits.projection_room_bytes_min + bytes
  return free === null || free >= needed
    ? null
    : `only ${Math.floor(free / MIB)} MiB are free where ${dir} lies and ${Math.ceil(needed / MIB)} are needed: make room, and it goes on by itself`
}

const inItsPlace = (dir: string): string | null => {
  try {
    return lstatSync(dir).isDirectory()
      ? null
      : `${dir} is no folder: remove it, and the rows are made anew from the log`
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? null : `${dir} cannot be read (${codeOf(error)}): let this peer's user in`
  }
}

/** Null where that is not to be had. */
const freeBytes = (dir: string): number | null => {
  for (const path of [dir, dirname(dir)]) {
    try {
      const { bavail, bsize } = statfsSync(path)
      return bavail * bsize
    } catch {
      // It is not there yet; its folder is.
    }
  }
  return null
}

const noFiles = (): string | null => {
  const opened: number[] = []
  try {
    while (opened.length < limits.projection_files_spare) opened.push(openSync('/', 'r'))
    return null
  } catch (error) {
    const code = codeOf(error)
    return code === 'EMFILE' || code === 'ENFILE'
      ? `this process may open no more files (${code}): raise \`ulimit -n\`, and it goes on by itself`
      : null
  } finally {
    for (const file of opened) closeSync(file)
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')
