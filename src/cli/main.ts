#!/usr/bin/env node
/**
 * The command `mnemesh`: gives the real world to `run` and leaves with its exit status.
 *
 * A reader that goes away (`mnemesh export … | head`) ends a verb in silence; a peer goes on without its audience.
 */
import '../v8.ts'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from './failure.ts'
import type { Io } from './io.ts'
import { run } from './program.ts'

// A peer's folder holds keys and memories, and LevelDB asks for no rights of its own: what any verb makes is its owner's alone.
process.umask(0o077)
const words = process.argv.slice(2)
const LASTING_VERBS = ['serve', 'fleet']
const lasting = LASTING_VERBS.includes(words[0] ?? '')

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: Error) => {
    if (errorCode(error) !== 'EPIPE') throw error
    if (!lasting) process.exit(0)
  })
}

/**
 * `npm start` runs us below a shell that does not pass signals on: when that shell is gone, npm was told to stop.
 * Answers the function that ends the watch.
 */
const watchNpm = (listener: () => void): (() => void) => {
  if (process.env['npm_lifecycle_event'] !== 'start') return () => undefined
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    listener()
  }, 500)
  timer.unref()
  return () => clearInterval(timer)
}

/** What has to be answered goes to standard error, so that standard output may be a file. */
const ask = async (question: string): Promise<string> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin.isTTY ? null : process.stdin,
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : null,
  env: process.env,
  clock: { now: () => Date.now() },
  random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  },
  onStopSignal(listener) {
    process.on('SIGINT', listener).on('SIGTERM', listener)
    const unwatch = watchNpm(listener)
    return () => {
      process.off('SIGINT', listener).off('SIGTERM', listener)
      unwatch()
    }
  },
  exitNow: (code) => process.exit(code),
}

/** The package's own file, three folders above the compiled one and two above the source. */
const packageVersion = (): string => {
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      const value: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (typeof value === 'object' && value !== null && 'version' in value && typeof value.version === 'string')
        return value.version
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }
  return 'unknown'
}

process.exitCode = await run(words, io, packageVersion())
if (lasting) process.exit()
