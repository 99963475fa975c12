/**
 * The token of a frontier: short, the same whichever way it was reached, another for another frontier.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyFrontierSum, frontierToken, moveChain, tokenOf } from './frontier-token.ts'
import type { ChainId } from './ids.ts'

type Frontier = Parameters<typeof tokenOf>[0]
const chainOf = (n: number): ChainId => `${n}`.padStart(32, '0') as ChainId
const many = (count: number, seq = 1): Frontier =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, { [chainOf(i)]: seq }]))

test('is short for 5,000 namespaces, equal for equal frontiers in any order, and different for others', () => {
  const whole = many(5_000)
  const token = tokenOf(whole)
  expect(token).toMatch(/^f2\.3uw\.[\w-]{22}$/)
  expect(tokenOf(Object.fromEntries(Object.entries(whole).reverse()))).toBe(token)
  const tokens = [
    many(5_000, 2),
    many(4_999),
    { a: { [chainOf(1)]: 1, [chainOf(2)]: 2 } },
    { a: { [chainOf(1)]: 2, [chainOf(2)]: 1 } },
    {},
  ].map(tokenOf)
  expect(new Set([token, ...tokens]).size).toBe(6)
})

test('kept up move by move, forth and back, it is that of where the chains ended', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(6)), { maxLength: 40 }), (moves) => {
      const [sum, seqByChain] = [emptyFrontierSum(), new Map<ChainId, number>()]
      for (const [n, to] of moves) {
        moveChain(sum, chainOf(n), seqByChain.get(chainOf(n)) ?? 0, to)
        seqByChain.set(chainOf(n), to)
      }
      expect(frontierToken(sum)).toBe(tokenOf({ a: Object.fromEntries(seqByChain) }))
    }),
    { numRuns: 60 },
  )
})

test('is what the format says', () => {
  expect(
    tokenOf({ 'team/api': { ['ab'.repeat(16) as ChainId]: 3 }, b: { ['01'.repeat(16) as ChainId]: 40 } }),
  ).toMatchInlineSnapshot(`"f2.17.fXL2S4VVzYorTVEYAC0HWQ"`)
})
