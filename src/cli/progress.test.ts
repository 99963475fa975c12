/** A bar that is interrupted gives the cursor back. */
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { startProgress } from './progress.ts'

const SHOW_CURSOR = '\u001b[?25h'
const HIDE_CURSOR = '\u001b[?25l'

test("Ctrl-C ends the bar, shows the cursor and the process ends; afterwards signals are nobody's", () => {
  let text = ''
  let signal: (() => void) | null = null
  const exits: number[] = []
  const stderr = Object.assign(
    new Writable({ write: (chunk: Buffer, _encoding, done) => ((text += chunk.toString()), done()) }),
    { isTTY: true, columns: 80, cursorTo: () => true, clearLine: () => true, moveCursor: () => true },
  )
  const io = {
    stderr,
    clock: { now: () => 0 },
    exitNow: (code: number) => exits.push(code),
    onStopSignal: (listener: () => void) => {
      signal = listener
      return () => (signal = null)
    },
  } as never
  const bar = startProgress(io, 'importing', 'bytes')
  bar.update(1, 10, '')
  expect(text).toContain(HIDE_CURSOR)
  expect(text).not.toContain(SHOW_CURSOR)
  signal!()
  expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR))
  expect(exits).toEqual([130])
  bar.stop()
  expect(signal).toBeNull()
})
