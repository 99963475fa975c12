/** One half of the targets under fuzz: two files, so that two cores share the work. */
import { expect, test } from 'vitest'
import { HEAP_GROWTH_BYTES_MAX } from './memory.ts'
import { underFuzz } from './suite.ts'
import { TARGETS } from './targets.ts'

test.each(TARGETS.filter((_, n) => n % 2 === 0))(
  '$name: no crash, no stall, nothing wrongly judged, memory flat',
  async (target) => {
    const { tally, grownBytes } = await underFuzz(target)
    expect(tally.failures).toEqual([])
    expect(grownBytes).toBeLessThan(HEAP_GROWTH_BYTES_MAX)
    // Inputs that are all refused, or all accepted, would say nothing about the other case.
    expect(tally.accepted).toBeGreaterThan(0)
    expect(tally.inputs).toBeGreaterThanOrEqual(tally.accepted)
  },
  60_000,
)
