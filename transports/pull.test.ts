/** When a link that is not in step compares frontiers (PROTOCOL AE4): once it is quiet, not while the other side still fetches. */
import { expect, test } from 'vitest'
import { sha256 } from '../crdt/hash.ts'
import type { PeerId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { createFetches } from './fetches.ts'
import type { Message } from './messages.ts'
import { createPositions } from './positions.ts'
import { createPull } from './pull.ts'
import { createTestHost } from './test-host.ts'
import { systemTimers } from './websocket.ts'

const OTHER = 'd'.repeat(64) as PeerId
const OURS = sha256('ours').subarray(0, 16)
const THEIRS = sha256('theirs').subarray(0, 16)
const ARRIVALS = 7

/** A pull that has read the other side's log to its end before, and meets it again with another digest. */
const meetAgain = (servedAtMs: number) => {
  const { host } = createTestHost('alice', { timers: systemTimers })
  const sent: Message[] = []
  host.keepCursor(OTHER, 'epoch', ARRIVALS)
  const pull = createPull({
    host,
    link: 1,
    peer: OTHER,
    fetches: createFetches(),
    positions: createPositions(host),
    digest: () => OURS,
    digestKey: sha256('session'),
    differs: () => undefined,
    byLines: true,
    servedAtMs: () => servedAtMs,
    send: (message) => sent.push(message),
  })
  pull.opened(
    { type: 'open', epoch: 'epoch', arrivals: ARRIVALS, digest: THEIRS, addresses: new Uint8Array(), clock: 0 },
    0,
  )
  const readToEnd = (nowMs: number): readonly string[] => {
    pull.standing({ arrivals: ARRIVALS, digest: THEIRS }, nowMs)
    pull.runs({ type: 'runs', runs: [], cursor: ARRIVALS, end: true, digest: THEIRS }, nowMs)
    return sent.splice(0).map(({ type }) => type)
  }
  return { readToEnd }
}

test('AE4 a link that just opened fetches what it lacks, and compares no frontiers until it has been quiet', () => {
  const { readToEnd } = meetAgain(Number.NEGATIVE_INFINITY)
  expect(readToEnd(limits.frontier_quiet_ms_min - 1)).toEqual(['since'])
  expect(readToEnd(limits.frontier_quiet_ms_min)).toEqual(['since', 'frontier_ask'])
})

test('AE4 whoever was just sent what it wanted lags, and is not compared with', () => {
  const servedAtMs = limits.frontier_quiet_ms_min
  const { readToEnd } = meetAgain(servedAtMs)
  expect(readToEnd(servedAtMs + limits.frontier_quiet_ms_min - 1)).toEqual(['since'])
  expect(readToEnd(servedAtMs + limits.frontier_quiet_ms_min)).toEqual(['since', 'frontier_ask'])
})
