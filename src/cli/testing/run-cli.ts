/**
 * Runs a command line in this process with streams that are kept, and timers that pass at once.
 */
import { Readable, Writable } from 'node:stream'
import type { Io, Output } from '../io.ts'
import { run } from '../program.ts'

export type Ran = {
  readonly exit: number
  readonly out: string
  readonly err: string
  /** What the waits added up to. */ readonly slept_ms: number
}
export type RunOptions = {
  /** Of the randomness; the same seed gives the same bytes. */
  readonly seed?: number
  readonly env?: Readonly<Record<string, string>>
  /** null is a terminal. */
  readonly stdin?: string | null
  /** What is typed when asked; without it there is nobody to ask. */
  readonly answer?: string
  /** Whether standard output is one. */
  readonly terminal?: boolean
  readonly stdout?: Output
  /** Told all that has been printed so far, at every write to standard output. */
  readonly onOut?: (text: string) => void
  /** Given the function that plays a stop signal. */
  readonly onListening?: (signal: () => void) => void
}

export const runCli = async (words: readonly string[], options: RunOptions = {}): Promise<Ran> => {
  const out = keeping(options.terminal === true, options.onOut)
  const err = keeping(false)
  let slept_ms = 0
  let state = options.seed ?? 0
  let now = 1_700_000_000_000
  const io: Io = {
    stdout: options.stdout ?? out.stream,
    stderr: err.stream,
    stdin: typeof options.stdin === 'string' ? Readable.from([Buffer.from(options.stdin)]) : null,
    ask:
      options.answer === undefined
        ? null
        : async (question) => {
            err.stream.write(question)
            return options.answer!
          },
    env: options.env ?? {},
    clock: { now: () => now },
    random: { bytes: (count) => Uint8Array.from({ length: count }, () => (state = (state * 75 + 74) % 65_537) & 0xff) },
    async sleep(ms) {
      slept_ms += ms
      now += ms
    },
    onStopSignal(listener) {
      options.onListening?.(listener)
      return () => undefined
    },
    exitNow: (code) => {
      throw new Error(`exitNow(${code})`)
    },
  }
  const exit = await run(words, io, '1.2.3')
  return { exit, out: out.text(), err: err.text(), slept_ms }
}

const keeping = (
  isTTY: boolean,
  onText: (text: string) => void = () => undefined,
): { readonly stream: Output; text(): string } => {
  let text = ''
  const write = (chunk: Buffer, _encoding: string, done: () => void): void => {
    text += chunk.toString()
    onText(text)
    done()
  }
  const stream: Output = Object.assign(new Writable({ write }), { isTTY, columns: 100 })
  return { stream, text: () => text }
}

/** What it printed, of a run that must have succeeded. */
export const succeeded = (ran: Ran): Ran => {
  if (ran.exit !== 0) throw new Error(`exit ${ran.exit}: ${ran.err}`)
  return ran
}
