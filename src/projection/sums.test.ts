/** What hits are worth together: as it is defined, and at its edges. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WEIGHTS } from './lookup.ts'
import { bestOf, sumsOf } from './sums.ts'
import type { Term } from './terms.ts'
import { IMPACT_STEPS, RUN_SHARE } from './weights.ts'

type Hit = { readonly memory: number; readonly run: number; readonly weight: number }

const termOf = (hits: readonly Hit[], n: number): Term => ({
  lexeme: `w${n}`,
  of: `w${n}`,
  share: 1,
  near: false,
  passages: [0],
  memories: hits.length,
  idf: 1,
  worth: n + 1,
  found: [
    {
      id: n,
      word: `w${n}`,
      memories: hits.length,
      brings: true,
      hits: { weighed: hits.map(({ memory, weight }) => memory * WEIGHTS + weight), runs: hits.map(({ run }) => run) },
    },
  ],
})

/** As the sums are defined, one memory after the other. */
const bestByDefinition = (words: readonly (readonly Hit[])[], most: number) => {
  const shares = words.map((hits, n) => hits.map((hit) => ({ ...hit, share: (hit.weight * (n + 1)) / IMPACT_STEPS })))
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)
  const memories = new Map(words.flat().map(({ memory, run }) => [memory, run]))
  return [...memories]
    .map(([memory, run]) => {
      const own = sum(shares.map((hits) => hits.find((hit) => hit.memory === memory)?.share ?? 0))
      const whole =
        run === 0
          ? own
          : sum(shares.map((hits) => Math.max(0, ...hits.filter((hit) => hit.run === run).map(({ share }) => share))))
      return { memory, own, whole, score: own + RUN_SHARE * whole }
    })
    .sort((a, b) => b.score - a.score || b.memory - a.memory)
    .slice(0, most)
}

describe('what hits are worth together', () => {
  test('is the sum over the words, in each memory and in each run, whatever is hit', () => {
    // The largest number that a memory may have is among them.
    const memory = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(2 ** 31 - 1))
    const word = fc.uniqueArray(fc.tuple(memory, fc.integer({ min: 1, max: 8_192 })), {
      selector: ([number]) => number,
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), fc.integer({ min: 1, max: 15 }), (drawn, most) => {
        const words = drawn.map((hits) =>
          hits.map(([number, weight]): Hit => ({ memory: number, run: number % 4, weight })),
        )
        const best = bestOf(sumsOf(words.map(termOf)), most)
        const expected = bestByDefinition(words, most)
        expect(best.map(({ memory: number }) => number)).toEqual(expected.map(({ memory: number }) => number))
        best.forEach(({ own, whole }, i) => {
          expect(own).toBeCloseTo(expected[i]!.own, 12)
          expect(whole).toBeCloseTo(expected[i]!.whole, 12)
        })
      }),
    )
  })

  test('is nothing where nothing was hit', () => {
    expect(bestOf(sumsOf([]), 5)).toEqual([])
    expect(
      bestOf(sumsOf([{ ...termOf([], 0), found: [{ id: 1, word: 'w', memories: 9, brings: false, hits: null }] }]), 5),
    ).toEqual([])
  })
})
