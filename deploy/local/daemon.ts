/**
 * Somebody else's server as a child process: found on PATH, started in the foreground, stopped or killed by its own pid. What it prints is kept for
 * the error that names it.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, realpathSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { until } from './until.ts'

const READY_MS = 20_000
const STOP_MS = 10_000
const KEPT_CHARS = 4_000

/** Where Debian puts servers that are for no user's PATH. */
const BESIDE = ['/usr/sbin', '/usr/local/sbin']

/** Full path of a program; null when it is not there. */
export const found = (program: string): string | null =>
  [...(process.env['PATH'] ?? '').split(delimiter), ...BESIDE]
    .map((folder) => join(folder, program))
    .find(existsSync) ?? null

/** The real folder of a program that is there. */
export const folderOf = (program: string): string => dirname(realpathSync(found(program) ?? program))

export type Account = { readonly uid: number; readonly gid: number }

/** The account of a user, for servers that refuse to run as root; null when we are not root. */
export const accountOf = (user: string): Account | null => {
  if (process.getuid?.() !== 0) return null
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
export const giveTo = (dir: string, account: Account | null): void => {
  if (account !== null) chownSync(dir, account.uid, account.gid)
}

export type Daemon = {
  readonly pid: number
  stop(): Promise<void>
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>
}

/** However this process ends, none is left behind. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts it and waits until its port takes connections. */
export const startDaemon = async (
  program: string,
  words: readonly string[],
  port: number,
  account: Account | null = null,
): Promise<Daemon> => {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], ...account })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-KEPT_CHARS)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  let failure: Error | null = null
  child.once('error', (error) => (failure = error))
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    // Postgres: end at once, cleanly; the others take it as the wish to end.
    child.kill('SIGINT')
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  children.add(child)
  child.once('close', () => children.delete(child))
  try {
    await until(
      `${program} takes connections on ${port}`,
      READY_MS,
      async () => {
        if (failure !== null || child.exitCode !== null) throw failure ?? new Error(`it ended with ${child.exitCode}`)
        await new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1', () => resolve(void socket.destroy()))
          socket.once('error', reject)
        })
        return true
      },
      () => output,
    )
  } catch (error) {
    await stop()
    throw new Error(`${String(error)}: ${output}`, { cause: error })
  }
  return { pid: child.pid ?? -1, stop, kill }
}

/** Stops them all, whichever fails. */
export const stopAll = async (daemons: readonly { stop(): Promise<void> }[]): Promise<void> => {
  await Promise.allSettled(daemons.map((daemon) => daemon.stop()))
}
