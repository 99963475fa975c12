/**
 * For measurements alone: writes down turns of one process's event loop that took long, in processor time of that thread.
 *
 *   NODE_OPTIONS='--require …/loop-watch.cjs' MNEMESH_BENCH_TURNS=FILE mnemesh serve …
 *
 * FILE gets one line a turn: wall clock in ms, and ms of processor time. A timer of 5 ms reads the thread's clock: what the thread worked between
 * two of its calls, when the second was late, was one turn, but for what was done while the timer was not due (5 ms at most).
 */
'use strict'
const { appendFileSync, readFileSync } = require('node:fs')
const { isMainThread } = require('node:worker_threads')

const file = process.env.MNEMESH_BENCH_TURNS
const EVERY_MS = 5
const TOLD_MS = 15

if (file !== undefined && isMainThread) {
  const threadMs = () => Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6
  let before = threadMs()
  setInterval(() => {
    const now = threadMs()
    if (now - before >= TOLD_MS) appendFileSync(file, `${Date.now()} ${(now - before).toFixed(1)}\n`)
    before = now
  }, EVERY_MS).unref()
}
