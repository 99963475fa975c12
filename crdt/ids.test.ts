/** Ids that are asked for in one millisecond keep their order, and no two are alike. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createUuidsV7 } from './ids.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('UUIDv7s made one after the other', () => {
  it('ascend, are UUIDv7s, and say their millisecond, whatever the random bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.uint8Array({ minLength: 10, maxLength: 10 })), { minLength: 2, maxLength: 40 }),
        (asked) => {
          const next = createUuidsV7()
          let nowMs = 1_700_000_000_000
          const made = asked.map(([later, random]) => next((nowMs += later), random))
          for (const id of made) expect(id).toMatch(UUID_V7)
          expect(Number.parseInt(made.at(-1)!.replace('-', '').slice(0, 12), 16)).toBe(nowMs)
          expect(new Set(made).size).toBe(made.length)
          // Only what follows in the same millisecond is held to it.
          for (const [i, [later]] of asked.entries())
            if (i > 0 && later === 0) expect(made[i]! > made[i - 1]!).toBe(true)
        },
      ),
    )
  })

  it('count across bytes', () => {
    const next = createUuidsV7()
    const full = new Uint8Array(10).fill(0xff)
    const made = Array.from({ length: 70_000 }, () => next(5, full))
    expect(made.every((id, i) => i === 0 || id > made[i - 1]!)).toBe(true)
  })
})
