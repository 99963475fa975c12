/** The hybrid logical clock against readings that lie. */
import { describe, expect, it } from 'vitest'
import { HLC_ZERO, hlcCounter, hlcMs, latestAt, observe, parseHlc, tick, within, type Hlc } from './hlc.ts'
import { limits } from './limits.ts'

const NOW = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000
const at = (ms: number, counter: number): Hlc => {
  const hlc = parseHlc(ms * 1024 + counter)
  if (hlc === null) throw new Error(`no clock value: ${ms}, ${counter}`)
  return hlc
}

describe('tick', () => {
  it('takes the wall clock when it is ahead, with counter 0', () => {
    expect(tick(HLC_ZERO, NOW)).toBe(at(NOW, 0))
    expect(tick(at(NOW, 5), NOW + 1)).toBe(at(NOW + 1, 0))
    expect(tick(HLC_ZERO, NOW + 0.9)).toBe(at(NOW, 0))
  })

  it('counts within one millisecond and while the wall clock is behind', () => {
    expect(tick(at(NOW, 0), NOW)).toBe(at(NOW, 1))
    expect(tick(at(NOW, 7), NOW - 3_600_000)).toBe(at(NOW, 8))
  })

  it('carries a full counter into the milliseconds', () => {
    expect(tick(at(NOW, limits.hlc_counter_max), NOW)).toBe(at(NOW + 1, 0))
  })

  it.each([NaN, -1, -Infinity, Infinity, 1e300, 2 ** 53, -0])(
    'goes on by counting when the wall clock reads %s',
    (nowMs) => {
      expect(tick(at(NOW, 1), nowMs)).toBe(at(NOW, 2))
      expect(tick(HLC_ZERO, nowMs)).toBe(1)
    },
  )

  it('names the cause when there is no later time', () => {
    const last = at(2 ** 43 - 1, 1023)
    expect(last).toBe(Number.MAX_SAFE_INTEGER)
    expect(() => tick(last, NOW)).toThrow(
      new RangeError(`hlc ${last} has no successor: a clock beyond the year 2248 was taken in`),
    )
    expect(tick(at(2 ** 43 - 1, 1022), NOW)).toBe(last)
  })

  it('lasts until 2248', () => {
    const end = Date.UTC(2248, 0, 1)
    expect(hlcMs(tick(HLC_ZERO, end))).toBe(end)
    expect(tick(HLC_ZERO, 2 ** 43 - 1)).toBe(at(2 ** 43 - 1, 0))
    expect(tick(HLC_ZERO, 2 ** 43)).toBe(1)
  })
})

describe('observe', () => {
  it('is after the greatest of own, remote and wall clock', () => {
    expect(observe(at(NOW, 3), at(NOW, 9), NOW)).toBe(at(NOW, 10))
    expect(observe(at(NOW, 9), at(NOW, 3), NOW)).toBe(at(NOW, 10))
    expect(observe(at(NOW, 3), at(NOW + 10, 0), NOW)).toBe(at(NOW + 10, 1))
    expect(observe(at(NOW, 3), at(NOW + 10, 0), NOW + 11)).toBe(at(NOW + 11, 0))
    expect(observe(at(NOW, 3), at(NOW + 10, 1023), NaN)).toBe(at(NOW + 11, 0))
  })

  it('follows nobody beyond the bound, and comes back from there when the wall clock does', () => {
    const bound = limits.clock_bound_ms
    expect(latestAt(NOW)).toBe(at(NOW + bound, 1023))
    expect(observe(at(NOW, 3), at(NOW + bound, 5), NOW)).toBe(at(NOW + bound, 6))
    for (const far of [
      at(NOW + bound, 1023),
      at(NOW + bound + 1, 0),
      at(NOW + 366 * DAY_MS, 0),
      Number.MAX_SAFE_INTEGER as Hlc,
    ]) {
      expect(observe(at(NOW, 3), far, NOW)).toBe(at(NOW + bound + 1, 0))
      expect(observe(far, at(NOW, 3), NOW)).toBe(at(NOW + bound + 1, 0))
      expect(within(far, NOW)).toBe(at(NOW + bound, 1023))
    }
    expect(latestAt(2 ** 43 - 1)).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('parts', () => {
  it('come back as they went in', () => {
    expect(hlcMs(at(NOW, 1023))).toBe(NOW)
    expect(hlcCounter(at(NOW, 1023))).toBe(1023)
    expect(hlcMs(at(2 ** 43 - 1, 1))).toBe(2 ** 43 - 1)
  })

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53, 2 ** 63, '1', 1n, null, undefined, [1]])(
    '%s is no clock value',
    (value) => {
      expect(parseHlc(value)).toBeNull()
    },
  )

  it('has one zero', () => {
    expect(Object.is(parseHlc(-0), 0)).toBe(true)
    expect(parseHlc(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER)
  })
})
