/**
 * The processes of a run: each takes the next chunk when it is done with one. A process that dies or hangs costs its input,
 * which is told as a failure, and is replaced; the chunk goes on behind that input.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Chunk } from './plan.ts'
import type { Failure } from './run.ts'
import type { Done } from './worker.ts'

export type JobOptions = {
  /** Started with `--worker SEED BLACK_BOX`. */
  readonly script: string
  readonly seed: number
  readonly jobs: number
  readonly onDone: (done: Done) => void
  readonly onDeath: (failure: Failure) => void
}

/** One input that takes this long counts as hanging; a stall of 250 ms is measured by the process itself. */
const HANG_MS_MAX = 60_000
const LOOK_EVERY_MS = 5_000
/** After this many deaths something is wrong with more than inputs. */
const DEATHS_MAX = 20

export const runJobs = async (chunks: readonly Chunk[], options: JobOptions): Promise<void> => {
  const queue = [...chunks]
  const folder = mkdtempSync(join(tmpdir(), 'mnemesh-fuzz-'))
  const deaths = { count: 0 }
  try {
    await Promise.all(
      Array.from({ length: options.jobs }, (_, n) => runJob(queue, join(folder, `box-${n}`), deaths, options)),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const runJob = async (queue: Chunk[], box: string, deaths: { count: number }, options: JobOptions): Promise<void> => {
  while (queue.length > 0 && deaths.count < DEATHS_MAX) {
    writeFileSync(box, Buffer.alloc(8))
    const unfinished = await untilDeath(queue, box, options)
    if (unfinished === null) return
    deaths.count++
    const { chunk, how } = unfinished
    const index = readFileSync(box).readDoubleLE()
    options.onDeath({ kind: 'death', target: chunk.target, index, hex: '', says: how })
    if (index + 1 < chunk.to) queue.unshift({ ...chunk, from: index + 1 })
  }
}

/** Works with one process until the queue is empty (null), or until it dies in a chunk. */
const untilDeath = async (
  queue: Chunk[],
  box: string,
  options: JobOptions,
): Promise<{ readonly chunk: Chunk; readonly how: string } | null> => {
  const child = fork(options.script, ['--worker', String(options.seed), box])
  const exited = once(child, 'exit')
  let lastIndex = -1
  let sinceMs = performance.now()
  let hung = false
  const watch = setInterval(() => {
    const index = readFileSync(box).readDoubleLE()
    if (index !== lastIndex) [lastIndex, sinceMs] = [index, performance.now()]
    else if (performance.now() - sinceMs > HANG_MS_MAX) {
      hung = true
      child.kill('SIGKILL')
    }
  }, LOOK_EVERY_MS)
  try {
    for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) {
      const answered = once(child, 'message')
      sinceMs = performance.now()
      child.send(chunk)
      const first = await Promise.race([answered, exited.then(() => null)])
      if (first === null) {
        const [code, signal] = [child.exitCode, child.signalCode]
        return {
          chunk,
          how: hung ? `no end after ${HANG_MS_MAX} ms` : `the process ended (${signal ?? `exit ${code}`})`,
        }
      }
      options.onDone(first[0] as Done)
    }
    child.disconnect()
    await exited
    if (child.exitCode !== 0)
      throw new Error(`a worker did not end well (${child.signalCode ?? `exit ${child.exitCode}`})`)
    return null
  } finally {
    clearInterval(watch)
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  }
}
