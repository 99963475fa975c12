/** Progress on standard error: a bar on a terminal; elsewhere twenty lines, so that a log stays readable. */
import { SingleBar } from 'cli-progress'

export type Bar = {
  readonly add: (done: number) => void
  /** A line for good on standard output, above the bar. */
  readonly print: (line: string) => void
  readonly stop: () => void
}

const LINES = 20

/** @param note what else to say of the state, at any time. */
export const startBar = (what: string, total: number, note: () => string = () => ''): Bar => {
  let done = 0
  const said = (): string => (note() === '' ? '' : `, ${note()}`)
  if (process.stderr.isTTY !== true) {
    let lines = 0
    return {
      add: (more) => {
        done += more
        if (Math.floor((LINES * done) / total) <= lines) return
        lines = Math.floor((LINES * done) / total)
        process.stderr.write(`${what}: ${done} of ${total}${said()}\n`)
      },
      print: (line) => void process.stdout.write(`${line}\n`),
      stop: () => undefined,
    }
  }
  const bar = new SingleBar({
    stream: process.stderr,
    format: `${what} {bar} {percentage}% {value} of {total}{note} | {eta_formatted} left`,
  })
  bar.start(total, 0, { note: said() })
  return {
    add: (more) => bar.increment(more, { note: said() }),
    print: (line) => {
      process.stderr.clearLine(0)
      process.stderr.cursorTo(0)
      process.stdout.write(`${line}\n`)
    },
    stop: () => bar.stop(),
  }
}
