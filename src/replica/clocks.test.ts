/** Our clock against those of the voters: who is believed, from when on, and for how long. */
import { beforeEach, expect, test } from 'vitest'
import type { PeerId } from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { createClocks, type Clocks } from './clocks.ts'

const [US, A, B, C, D] = ['aa', 'bb', 'cc', 'dd', 'ee'].map((byte) => byte.repeat(32) as PeerId) as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
  PeerId,
]
const YEAR = 365 * 86_400_000
const BOUND = limits.clock_bound_ms
const NOW = Date.UTC(2026, 0, 1)

let steady: number
let voters: Set<PeerId>
let clocks: Clocks
beforeEach(() => {
  steady = 1_000
  voters = new Set([US, A, B])
  clocks = createClocks(
    US,
    () => voters,
    () => steady,
  )
})
const heard = (peer: PeerId, aheadMs: number, errorMs = 0): void =>
  clocks.heard({ peer, theirMs: NOW + aheadMs, agoMs: 0, errorMs })
const isOff = (nowMs = NOW): boolean => clocks.standing(nowMs).isOff

test('who hears nobody believes itself', () => {
  expect(clocks.standing(NOW)).toMatchObject({ isOff: false, aheadMs: 0, correctionMs: 0, against: [] })
})

test('of two that differ neither is believed, and what they agree on is no time for others', () => {
  heard(A, -YEAR)
  expect(clocks.standing(NOW)).toMatchObject({
    isOff: true,
    isOurs: false,
    aheadMs: YEAR,
    correctionMs: 0,
    against: [A],
  })
  heard(A, BOUND)
  expect(isOff()).toBe(true)
  heard(A, limits.clock_back_ms)
  expect(clocks.standing(NOW)).toMatchObject({ isOff: false, correctionMs: 0 })
  heard(A, BOUND)
  expect(isOff()).toBe(false)
  heard(A, BOUND + 1)
  expect(isOff()).toBe(true)
})

test('of three the one that is off is told from the others, whoever it is', () => {
  heard(A, -YEAR)
  heard(B, -YEAR + 3)
  expect(clocks.standing(NOW)).toMatchObject({ isOff: true, isOurs: true, aheadMs: YEAR - 3, correctionMs: -YEAR + 3 })
  expect(clocks.others(NOW)).toEqual([])
  heard(B, 2)
  expect(clocks.standing(NOW)).toMatchObject({ isOff: false, aheadMs: 0 })
  expect(clocks.others(NOW)).toEqual([{ peer: A, aheadMs: -YEAR }])
  expect([clocks.isDoubted(A, NOW), clocks.isDoubted(B, NOW)]).toEqual([true, false])
})

test('of four that are two and two nobody is believed; three of them are the time', () => {
  voters = new Set([US, A, B, C])
  heard(A, 1)
  heard(B, YEAR)
  heard(C, YEAR)
  expect(clocks.standing(NOW)).toMatchObject({ isOff: true, isOurs: false, correctionMs: 0 })
  heard(C, 2)
  expect(clocks.standing(NOW)).toMatchObject({ isOff: false, correctionMs: 2 })
})

test('a step of our own clock shows at once, and so does its mending', () => {
  heard(A, 0)
  heard(B, 0)
  for (const jump of [YEAR, -YEAR, 3_600_000, -3_600_000]) {
    expect(clocks.standing(NOW + jump)).toMatchObject({ isOff: true, aheadMs: jump, correctionMs: -jump })
    expect(isOff(NOW)).toBe(false)
  }
})

test('what a slow answer leaves open is no reason', () => {
  heard(A, BOUND + 5_000, 6_000)
  expect(isOff()).toBe(false)
  heard(A, BOUND + 5_000, 4_000)
  expect(isOff()).toBe(true)
})

test('only voters are asked, and what they said counts for a while', () => {
  heard(C, YEAR)
  expect(isOff()).toBe(false)
  heard(A, YEAR)
  expect(isOff()).toBe(true)
  steady += limits.clock_reading_ms_max
  expect(clocks.standing(NOW + limits.clock_reading_ms_max).isOff).toBe(true)
  steady += 1
  expect(clocks.standing(NOW + limits.clock_reading_ms_max + 1)).toMatchObject({ isOff: false, against: [] })
  voters.delete(A)
  heard(A, YEAR)
  expect(isOff()).toBe(false)
})

test('after a start who would seal waits for a majority to agree, not for ever', () => {
  voters = new Set([US, A, B, C, D])
  clocks.started()
  expect(clocks.isUndecided(NOW)).toBe(true)
  heard(A, 0)
  expect(clocks.isUndecided(NOW)).toBe(true)
  heard(B, 0)
  expect(clocks.isUndecided(NOW)).toBe(false)
  heard(A, YEAR)
  heard(B, YEAR)
  expect(clocks.isUndecided(NOW)).toBe(true)
  heard(C, YEAR)
  heard(D, YEAR)
  expect(clocks.isUndecided(NOW)).toBe(false)
  expect(isOff()).toBe(true)
  voters = new Set([US])
  expect(clocks.isUndecided(NOW)).toBe(false)
  voters = new Set([US, A, B, C, D])
  readingsGone()
  expect(clocks.isUndecided(NOW)).toBe(false)
})

/** The grace is over. */
const readingsGone = (): void => {
  steady += limits.clock_reading_ms_max + 1
}
