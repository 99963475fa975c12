/** The small form of `npm run rows-proof`. */
import { expect, test } from 'vitest'
import { proveRows } from './proof.ts'

const MEMORIES = 300

test(
  'a bulk of large memories on one peer: the other lists and finds everything throughout, and writes again what came late alone',
  { timeout: 300_000 },
  async () => {
    const proof = await proveRows(MEMORIES, () => undefined)
    expect(proof).toMatchObject({ memories: MEMORIES, late: 300, wrong: [] })
    expect(proof.written_again).toBeLessThanOrEqual(proof.late)
    // A machine that does much else may keep a search waiting too long; lists are answered all the same.
    expect([proof.lists > 2, proof.recalls > 2]).toEqual([true, true])
    if (proof.refused > 0)
      process.stdout.write(`rows-proof: ${proof.refused} searches were refused, on a busy machine\n`)
  },
)
