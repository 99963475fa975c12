/**
 * Progress of long work: a bar on a terminal, a plain line every second elsewhere, always on standard error.
 */
import { Presets, SingleBar } from 'cli-progress'
import type { Io } from './io.ts'
import { count } from './render.ts'

export type Progress = {
  /** @param done in the unit given at the start. @param remark said behind the numbers. */
  update(done: number, total: number, remark: string): void
  /** Ends the bar; call it before anything else is printed. */
  stop(): void
}

/** As a shell reports an end by SIGINT. */
const EXIT_INTERRUPTED = 130
const LINE_EVERY_MS = 1_000

/** @param unit `commits`, `bytes`, … */
export const startProgress = (io: Io, what: string, unit: string): Progress =>
  io.stderr.isTTY === true ? bar(io, what, unit) : lines(io, what, unit)

const bar = (io: Io, what: string, unit: string): Progress => {
  const single = new SingleBar(
    {
      stream: io.stderr,
      format: `${what} {bar} {percentage}% {remark}`,
      hideCursor: true,
      clearOnComplete: true,
      fps: 10,
      gracefulExit: false,
    },
    Presets.shades_classic,
  )
  let started = false
  // Ended by a signal the bar would leave the cursor hidden.
  const endSignals = io.onStopSignal(() => {
    single.stop()
    io.exitNow(EXIT_INTERRUPTED)
  })
  return {
    update(done, total, remark) {
      const most = Math.max(total, done, 1)
      const shown = remark === '' ? `${count(done)} of ${count(most)} ${unit}` : remark
      if (!started) single.start(most, done, { remark: shown })
      started = true
      single.setTotal(most)
      single.update(done, { remark: shown })
    },
    stop: () => {
      endSignals()
      single.stop()
    },
  }
}

const lines = (io: Io, what: string, unit: string): Progress => {
  let said_at = io.clock.now()
  return {
    update(done, total, remark) {
      const now = io.clock.now()
      if (now - said_at < LINE_EVERY_MS) return
      said_at = now
      const share = total > 0 ? ` (${Math.min(100, Math.floor((100 * done) / total))}%)` : ''
      io.stderr.write(`${what}: ${remark === '' ? `${count(done)} of ${count(total)} ${unit}` : remark}${share}\n`)
    },
    stop: () => undefined,
  }
}
