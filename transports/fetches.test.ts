/** Who fetches what (PROTOCOL AE7–AE10), as a table of facts. */
import { expect, test } from 'vitest'
import type { ChainId } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { createFetches } from './fetches.ts'

const CHAIN = 'c'.repeat(32) as ChainId
const NEVER = (): boolean => false

test('AE7 one link at a time holds a chain; the same link goes on behind what it asked for', () => {
  const fetches = createFetches()
  expect(fetches.claim(CHAIN, 1, 0, 10, 99, 0)).toEqual({ from: 1, count: 10 })
  expect(fetches.claim(CHAIN, 2, 0, 20, 99, 0)).toBeNull()
  expect(fetches.claim(CHAIN, 1, 0, 20, 5, 0)).toEqual({ from: 11, count: 5 })
  expect(fetches.outstanding(1)).toBe(15)
  fetches.delivered(CHAIN, 1, 1, 15, 0, 0)
  expect(fetches.outstanding(1)).toBe(0)
  expect(fetches.claim(CHAIN, 2, 0, 20, 99, 0)).toEqual({ from: 16, count: 5 })
})

test('AE8 a stalled claim goes elsewhere, and back only after a pause; a full intake is no stall', () => {
  const fetches = createFetches()
  fetches.claim(CHAIN, 1, 0, 10, 99, 0)
  const late = limits.want_ms_max + 1
  expect(fetches.expire(late, () => true)).toBe(0)
  expect(fetches.expire(late, NEVER)).toBe(1)
  expect(fetches.claim(CHAIN, 1, 0, 10, 99, late)).toBeNull()
  expect(fetches.claim(CHAIN, 2, 0, 10, 99, late)).toEqual({ from: 1, count: 10 })
  fetches.releaseLink(2)
  expect(fetches.claim(CHAIN, 1, 0, 10, 99, late + limits.want_ms_max)).toEqual({ from: 1, count: 10 })
})

test('AE8 progress keeps a claim, but not for ever', () => {
  const fetches = createFetches()
  fetches.claim(CHAIN, 1, 0, 1_000, 9_999, 0)
  let released = 0
  let seq = 0
  for (let ms = 0; ms <= limits.claim_ms_max + 4_000; ms += 4_000) {
    fetches.delivered(CHAIN, 1, seq + 1, seq + 1, seq, ms)
    fetches.taken(CHAIN, ++seq, ms)
    released += fetches.expire(ms, NEVER)
  }
  expect(released).toBe(1)
})

test('AE10 what did not count is asked for again, ever later, and nothing is kept of what did', () => {
  const fetches = createFetches()
  const waits: number[] = []
  let now = 0
  for (let n = 0; n < 6; n++) {
    expect(fetches.claim(CHAIN, 1, 4, 5, 99, now)).toEqual({ from: 5, count: 1 })
    fetches.delivered(CHAIN, 1, 5, 5, 4, now)
    fetches.taken(CHAIN, 4, now)
    expect(fetches.stuck(CHAIN, 1, now)).toBe(true)
    const from = now
    while (fetches.claim(CHAIN, 2, 4, 5, 99, now) === null) now += 1_000
    fetches.releaseLink(2)
    waits.push(now - from)
  }
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
  fetches.delivered(CHAIN, 1, 5, 5, 4, now)
  fetches.taken(CHAIN, 5, now)
  expect(fetches.size()).toBe(0)
})

test('AE10 when what was in the way is over, all of it is due at once, and the pauses begin anew', () => {
  const fetches = createFetches()
  let ms = 0
  /** Handed over, and not taken in. */
  const inVain = (): void => {
    expect(fetches.claim(CHAIN, 1, 0, 10, 99, ms)).toEqual({ from: 1, count: 10 })
    fetches.delivered(CHAIN, 1, 1, 10, 0, ms)
    fetches.taken(CHAIN, 0, ms)
  }
  for (const pauseMs of [limits.want_ms_max, 2 * limits.want_ms_max, 4 * limits.want_ms_max]) {
    inVain()
    ms += pauseMs
  }
  inVain()
  expect(fetches.claim(CHAIN, 1, 0, 10, 99, ms + 100)).toBeNull()
  fetches.lapse()
  ms += 100
  inVain()
  expect(fetches.claim(CHAIN, 1, 0, 10, 99, ms + limits.want_ms_max - 1)).toBeNull()
  expect(fetches.claim(CHAIN, 1, 0, 10, 99, ms + limits.want_ms_max)).toEqual({ from: 1, count: 10 })
})

test('AE7 what is with the host is not asked for again', () => {
  const fetches = createFetches()
  fetches.delivered(CHAIN, 1, 1, 8, 0, 0)
  expect(fetches.claim(CHAIN, 2, 0, 8, 99, 60_000)).toBeNull()
  expect(fetches.claim(CHAIN, 2, 0, 9, 99, 0)).toEqual({ from: 9, count: 1 })
})

/** A hand-over of one commit that the host does not keep. */
const handedInVain = (fetches: ReturnType<typeof createFetches>, chain: ChainId, nowMs: number): void => {
  fetches.claim(chain, 1, 0, 1, 99, nowMs)
  fetches.delivered(chain, 1, 1, 1, 0, nowMs)
  fetches.taken(chain, 0, nowMs)
}
/** When the chain is asked for again, ms after `fromMs`. */
const nextTryMs = (fetches: ReturnType<typeof createFetches>, chain: ChainId, fromMs: number): number => {
  for (let ms = fromMs; ; ms += 250) if (fetches.claim(chain, 1, 0, 1, 99, ms) !== null) return ms - fromMs
}
const OTHER = 'd'.repeat(32) as ChainId

/** A disk that takes nothing for 6 s: each try meets it, and the wait has doubled. */
const afterDiskFault = (): ReturnType<typeof createFetches> => {
  const fetches = createFetches()
  handedInVain(fetches, CHAIN, 0)
  handedInVain(fetches, CHAIN, 5_000)
  handedInVain(fetches, OTHER, 5_500)
  return fetches
}

test('AE10 what waits after a disk fault is asked for within seconds once anything counts', () => {
  expect(nextTryMs(afterDiskFault(), CHAIN, 6_000)).toBe(9_000)
  const fetches = afterDiskFault()
  expect(fetches.claim(OTHER, 1, 0, 1, 99, 10_500)).toEqual({ from: 1, count: 1 })
  fetches.delivered(OTHER, 1, 1, 1, 0, 10_500)
  fetches.taken(OTHER, 1, 10_500)
  expect(nextTryMs(fetches, CHAIN, 10_500)).toBe(0)
})

test('AE10 a new link, or more of the chain, ends the wait too, but never within 2 s of the last try', () => {
  const opened = afterDiskFault()
  opened.linkOpened(6_000)
  expect(nextTryMs(opened, CHAIN, 6_000)).toBe(1_000)
  const grown = afterDiskFault()
  expect(grown.claim(CHAIN, 1, 0, 1, 99, 8_000)).toBeNull()
  expect(grown.claim(CHAIN, 1, 0, 7, 99, 8_000)).toEqual({ from: 1, count: 7 })
})

test('AE10 what can never count is brought forward ever more rarely, whatever else counts', () => {
  const fetches = createFetches()
  let tries = 0
  for (let now = 0; now < 600_000; now += 250) {
    if (fetches.claim(CHAIN, 1, 0, 1, 99, now) !== null) {
      tries++
      fetches.delivered(CHAIN, 1, 1, 1, 0, now)
      fetches.taken(CHAIN, 0, now)
    }
    const seq = now / 250 + 1
    fetches.claim(OTHER, 1, seq - 1, seq, 99, now)
    fetches.delivered(OTHER, 1, seq, seq, seq - 1, now)
    fetches.taken(OTHER, seq, now)
  }
  expect(tries).toBeLessThan(45)
})
