/** Progress on standard error: a bar on a terminal, a line at the start and the end elsewhere. */
import { SingleBar } from 'cli-progress'

export type Bar = { readonly add: (done: number) => void; readonly stop: () => void }

export const startBar = (what: string, total: number): Bar => {
  if (process.stderr.isTTY !== true) {
    let done = 0
    process.stderr.write(`${what}: ${total} …\n`)
    return { add: (more) => void (done += more), stop: () => process.stderr.write(`${what}: ${done} of ${total}\n`) }
  }
  const bar = new SingleBar({ stream: process.stderr, format: `${what} {bar} {percentage}% {value} of {total}` })
  bar.start(total, 0)
  return { add: (more) => bar.increment(more), stop: () => bar.stop() }
}
