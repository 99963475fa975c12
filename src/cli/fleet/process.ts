/**
 * One peer as a child process.
 *
 * It runs in its own process group, so that Ctrl-C at the terminal reaches it once, through us. Its standard input is a pipe
 * that nobody writes to: it ends when we do, however we end, and the peer stops then; so no peer is left behind.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export type Ending = {
  readonly code: number | null
  readonly signal: string | null
  /** The last line it said on standard error. */ readonly said: string
}

export type PeerProcess = {
  readonly pid: number | undefined
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<Ending>
  /** Asks it to stop; past `graceMs` it is killed. Resolves when it is gone. */
  stop(graceMs: number): Promise<Ending>
  kill(): void
}

/** @param onLine told each line that it says on standard error. */
export const startProcess = (
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
  onLine: (line: string) => void,
): PeerProcess => {
  const [file, ...words] = command
  const child = spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { ...env } })
  let said = ''
  child.stdout.resume()
  // Writing to a child that is gone would raise EPIPE here; nothing is ever written.
  child.stdin.on('error', () => undefined)
  createInterface({ input: child.stderr }).on('line', (line) => {
    said = line
    onLine(line)
  })
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, said: error.message }))
    child.once('close', (code, signal) => resolve({ code, signal, said }))
  })
  return {
    pid: child.pid,
    ended,
    async stop(graceMs) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const ending = await ended
      clearTimeout(timer)
      return ending
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
