/**
 * What the command line touches of the outside world, in one value: streams, environment, clock, randomness, timers.
 *
 * `main.ts` gives the real ones, tests give their own. Data goes to `stdout` and nothing else does; progress, hints and
 * errors go to `stderr`, so that every verb can stand in a pipe.
 */
import { once } from 'node:events'
import type { Writable } from 'node:stream'

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number }

export type Io = {
  readonly stdout: Output
  readonly stderr: Output
  /** Standard input, or null when it is a terminal, where nobody waits for text that was not announced. */
  readonly stdin: AsyncIterable<Uint8Array> | null
  /** Asks the person at the terminal, and answers what is typed; null where there is none. */
  readonly ask: ((question: string) => Promise<string>) | null
  readonly env: Readonly<Record<string, string | undefined>>
  /** Wall clock in ms since 1970. */
  readonly clock: { now(): number }
  readonly random: { bytes(count: number): Uint8Array }
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back on SIGINT and SIGTERM; answers the function that ends it. */
  onStopSignal(listener: () => void): () => void
  /** Ends the process now: the second signal of somebody who does not want to wait. */
  exitNow(code: number): void
}

/** Writes `text` and a line's end, and waits while the reader is slower than we are. */
export const print = (io: Io, text: string): Promise<void> => write(io.stdout, `${text}\n`)

/** The same for people: hints, progress, errors. */
export const note = (io: Io, text: string): Promise<void> => write(io.stderr, `${text}\n`)

/** Resolves once the stream can take more; rejects with the stream's own error (EPIPE among them). */
export const write = async (stream: Writable, text: string): Promise<void> => {
  if (!stream.write(text)) await once(stream, 'drain')
}
