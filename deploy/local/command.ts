/**
 * The built command line as child processes: one that ends by itself, and one that lasts until it is told to stop or killed.
 *
 * A lasting child gets a pipe as its standard input that nobody writes to: it ends when this process does, however it ends,
 * and `--until-stdin-ends` makes the child stop then. So no test leaves a peer behind.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The compiled command, as seen from this file's source and from its compiled form. */
const MAIN = ['../../dist/src/cli/main.js', '../../src/cli/main.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync)
/** No verb of these tests works longer; a hang meets it. */
const RUN_MS_MAX = 30_000
/** What is kept of a child's output: its end. */
const OUTPUT_CHARS_MAX = 200_000

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}
export type Environment = Readonly<Record<string, string>>

export type LastingChild = {
  readonly pid: number
  /** Null while it runs. */
  ending(): Ended | null
  readonly ended: Promise<Ended>
  stdout(): string
  stderr(): string
  signal(name: NodeJS.Signals): void
}

/** What runs `mnemesh`, for tests that start it by other means. */
export const commandWords: readonly [string, ...string[]] = [
  process.execPath,
  MAIN ?? 'dist/src/cli/main.js is missing: run `npm run build` first',
]

/** Runs `mnemesh WORDS` to its end. */
export const mnemesh = async (words: readonly string[], env: Environment = {}): Promise<Ended> => {
  const child = startMnemesh(words, env, 'ignore')
  const timer = setTimeout(() => child.signal('SIGKILL'), RUN_MS_MAX)
  const ended = await child.ended
  clearTimeout(timer)
  return ended
}

/** Like `mnemesh`, for verbs that must succeed. Resolves with what it printed. */
export const mnemeshOk = async (words: readonly string[], env: Environment = {}): Promise<string> => {
  const { code, signal, stdout, stderr } = await mnemesh(words, env)
  if (code !== 0) throw new Error(`mnemesh ${words.join(' ')} ended with ${code ?? signal}: ${stderr.trim()}`)
  return stdout
}

/** Starts `mnemesh WORDS`. @param stdin `pipe`: it ends when this process does. @param main the compiled command, of this build or another. */
export const startMnemesh = (
  words: readonly string[],
  env: Environment = {},
  stdin: 'pipe' | 'ignore' = 'pipe',
  main = MAIN,
): LastingChild => {
  if (main === undefined) throw new Error('dist/src/cli/main.js is missing: run `npm run build` first')
  const child = spawn(process.execPath, [main, ...words], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...inherited(), ...env },
  })
  let stdout = ''
  let stderr = ''
  let ending: Ended | null = null
  child.stdout?.on('data', (chunk: Buffer) => (stdout = (stdout + chunk.toString()).slice(-OUTPUT_CHARS_MAX)))
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-OUTPUT_CHARS_MAX)))
  // The child may be gone while its pipe is still held here.
  child.stdin?.on('error', () => undefined)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve((ending = { code, signal, stdout, stderr })))
  })
  return {
    pid: child.pid ?? -1,
    ended,
    ending: () => ending,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => void child.kill(name),
  }
}

/** This process's environment without what would change the children's ways. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(MNEMESH_|NODE_OPTIONS|npm_lifecycle)/.test(name)),
  )

/** Whether a process with this id exists. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
