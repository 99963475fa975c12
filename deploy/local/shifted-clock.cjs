/**
 * For tests alone: shifts one process's wall clock while it runs, so that the product needs no hook for it.
 *
 *   NODE_OPTIONS='--require …/shifted-clock.cjs' MNEMESH_TEST_CLOCK=FILE mnemesh serve …
 *
 * FILE holds milliseconds, which may be negative and is read anew every 50 ms; no file, no shift. `Date.now` shows the shifted time (the
 * product asks nothing else); timers and `performance` do not, as with a machine whose clock somebody sets.
 */
'use strict'
const { readFileSync } = require('node:fs')

const file = process.env.MNEMESH_TEST_CLOCK
const READ_EVERY_MS = 50

if (file !== undefined) {
  const real = Date.now
  let shiftMs = 0
  const read = () => {
    try {
      shiftMs = Number(readFileSync(file, 'utf8')) || 0
    } catch {
      shiftMs = 0
    }
  }
  read()
  setInterval(read, READ_EVERY_MS).unref()
  Date.now = () => real() + shiftMs
}
