/**
 * The hybrid logical clock against a deliberately dumb version: the paper's pair of numbers, case by case.
 * A failure prints its seed and the shrunk input: `fc.assert(…, { seed, path })` replays it.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HLC_ZERO, hlcCounter, hlcMs, observe, parseHlc, tick, type Hlc } from '../crdt/hlc.ts'
import { limits } from '../crdt/limits.ts'

type Pair = { readonly l: number; readonly c: number }
/** Figure 5 of the paper, with the counter's carry. @param from the clocks seen, own first. */
const dumbClock = (from: readonly Pair[], pt: number): Pair => {
  const l = Math.max(pt, ...from.map((pair) => pair.l))
  const counters = from.filter((pair) => pair.l === l).map((pair) => pair.c)
  const c = counters.length === 0 ? 0 : Math.max(...counters) + 1
  return c > limits.hlc_counter_max ? { l: l + 1, c: 0 } : { l, c }
}

const NOW = 1_770_000_000_000
const wallArb = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: NOW - 3, max: NOW + 3 }) },
  { weight: 1, arbitrary: fc.double() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      NaN,
      Infinity,
      -Infinity,
      -1,
      0,
      2 ** 60,
      NOW - 365 * 86_400_000,
      NOW - limits.clock_bound_ms,
    ),
  },
)
const remoteArb = fc.record({ l: fc.integer({ min: NOW - 3, max: NOW + 3 }), c: fc.constantFrom(0, 1, 1022, 1023) })
const toHlc = ({ l, c }: Pair): Hlc => {
  const hlc = parseHlc(l * 1024 + c)
  if (hlc === null) throw new Error(`no clock value: ${l}, ${c}`)
  return hlc
}

describe('the hybrid logical clock', () => {
  it('is the paper’s pair in one number, and follows others as far as the bound', () => {
    const stepArb = fc.record({ nowMs: wallArb, remote: fc.option(remoteArb) })
    fc.assert(
      fc.property(fc.array(stepArb, { maxLength: 40 }), (steps) => {
        let clock = HLC_ZERO
        let pair: Pair = { l: 0, c: 0 }
        for (const { nowMs, remote } of steps) {
          const usable = Number.isFinite(nowMs) && nowMs >= 0 && nowMs < 2 ** 43 ? Math.floor(nowMs) : 0
          const next = remote === null ? tick(clock, nowMs) : observe(clock, toHlc(remote), nowMs)
          const end: Pair =
            usable > 0 ? { l: usable + limits.clock_bound_ms, c: limits.hlc_counter_max } : { l: Infinity, c: 0 }
          pair = dumbClock(
            remote === null ? [pair] : [pair, remote].map((seen) => (seen.l > end.l ? end : seen)),
            usable,
          )
          expect({ l: hlcMs(next), c: hlcCounter(next) }).toEqual(pair)
          if (remote === null) expect(next).toBeGreaterThan(clock)
          // Within the bound it is after whatever was seen.
          else for (const seen of [clock, toHlc(remote)]) if (hlcMs(seen) <= end.l) expect(next).toBeGreaterThan(seen)
          clock = next
        }
      }),
      { numRuns: 300 },
    )
  })
})
