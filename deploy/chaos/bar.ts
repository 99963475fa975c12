/** Progress on standard error: a bar on a terminal, nothing elsewhere, where each round prints its row. */
import { SingleBar } from 'cli-progress'

export type Bar = {
  readonly add: (done: number) => void
  /** A line on standard output, above the bar. */ readonly print: (line: string) => void
  readonly stop: () => void
}

export const startBar = (what: string, total: number): Bar => {
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  if (process.stderr.isTTY !== true) return { add: () => undefined, print, stop: () => undefined }
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${what} {bar} {percentage}% {value} of {total} | {eta_formatted} left`,
  })
  bar.start(total, 0)
  return {
    add: (done) => bar.increment(done),
    print: (line) => {
      process.stderr.clearLine(0)
      process.stderr.cursorTo(0)
      print(line)
    },
    stop: () => bar.stop(),
  }
}
