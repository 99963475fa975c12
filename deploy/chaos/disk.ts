/**
 * Small disks that can be filled: a tmpfs each, mounted where a peer keeps its log or its search index. Needs the right to mount.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const MIB = 1024 * 1024

export type SmallDisk = {
  /** Bytes that the system calls free. */
  free(): number
  /** A ballast file takes all but `leave` bytes. Answers what is free then. */
  fill(leave: number): number
  /** Takes the ballast away. */
  empty(): void
  unmount(): void
}

const BALLAST = 'ballast'

/** Mounts a disk of `bytes` at `path`, which is made. @throws Error with the system's reason. */
export const mountDisk = (path: string, bytes: number): SmallDisk => {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  run('mount', ['-t', 'tmpfs', '-o', `size=${Math.ceil(bytes / 1024)}k,mode=0700`, 'mnemesh-chaos', path])
  const ballast = join(path, BALLAST)
  const free = (): number => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  const empty = (): void => rmSync(ballast, { force: true })
  return {
    free,
    empty,
    fill: (leave) => {
      empty()
      take(ballast, free() - leave)
      return free()
    },
    unmount: () => run('umount', [path]),
  }
}

/** Why no disk can be mounted here, or null. */
export const whyNoDisks = (): string | null => {
  const dir = mkdtempSync(join(tmpdir(), 'mnemesh-chaos-try-'))
  try {
    mountDisk(dir, MIB).unmount()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    rmdirSync(dir)
  }
}

/** `fallocate` takes the blocks in a moment, in the middle of what others write; without it the bytes are written. */
const take = (path: string, bytes: number): void => {
  if (bytes <= 0) return
  const { status } = spawnSync('fallocate', ['-l', String(bytes), path])
  if (status === 0) return
  try {
    writeFileSync(path, Buffer.alloc(bytes))
  } catch (error) {
    // Others took some of it meanwhile: full is full.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

const run = (command: string, words: readonly string[]): void => {
  const { status, error, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
