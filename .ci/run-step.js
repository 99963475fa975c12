/**
 * Runs one step as a child process in a process group of its own, so that a step that hangs, or an impatient person, ends
 * it together with whatever it started.
 */
import { spawn } from 'node:child_process'

/** How long a step that was told to stop may clean up. */
const GRACE_MS = 5_000

/** The `why` of a step that a person or a signal ended: the run goes no further. */
export const INTERRUPTED = 'interrupted'

/**
 * @param {string[]} args of this Node
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, limit_ms: number }} options
 * @returns {Promise<{ ok: boolean, why: string }>} `why` is empty when ok. Never rejects.
 */
export const runNode = (args, { cwd, env = process.env, limit_ms }) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true })
    let why = ''
    /** @type {NodeJS.Timeout | undefined} */
    let grace
    /** @param {string} reason */
    const stop = (reason) => {
      why = reason
      signal(child.pid, 'SIGTERM')
      grace = setTimeout(() => signal(child.pid, 'SIGKILL'), GRACE_MS)
    }
    const limit = setTimeout(() => stop(`still running after ${limit_ms / 1_000} s`), limit_ms)
    const interrupt = () => stop(INTERRUPTED)
    process.once('SIGINT', interrupt)
    process.once('SIGTERM', interrupt)

    /** @param {string} reason */
    const finish = (reason) => {
      clearTimeout(limit)
      clearTimeout(grace)
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', interrupt)
      resolve({ ok: reason === '', why: reason })
    }
    child.once('error', (error) => finish(error.message))
    child.once('exit', (code, name) => finish(why || (code === 0 ? '' : `exit status ${code ?? name}`)))
  })

/** @param {number | undefined} pid leader of the group @param {NodeJS.Signals} name */
const signal = (pid, name) => {
  if (pid === undefined) return
  try {
    process.kill(-pid, name)
  } catch (error) {
    // ESRCH: the group is gone already, which is what was wanted.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
