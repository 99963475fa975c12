/**
 * The frontier of an answer, short and whole.
 */
import { expect, test } from 'vitest'
import type { ChainId, Namespace } from '../../crdt/ids.ts'
import { frontierIn } from './frontier.ts'

type Frontier = Parameters<typeof frontierIn>[1]
const many = (count: number, seq = 1): Frontier => Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}` as Namespace, { [`${i}`.padStart(32, '0') as ChainId]: seq }]))

test('a token is short at 5,000 namespaces, equal for equal frontiers in any order, and different for others', () => {
  const whole = many(5_000)
  const token = frontierIn(undefined, whole) as string
  expect(JSON.stringify(whole).length).toBeGreaterThan(200_000)
  expect(token).toMatch(/^f1\.3uw\.[\w-]{22}$/)
  expect(frontierIn('token', Object.fromEntries(Object.entries(whole).reverse()) as Frontier)).toBe(token)
  const tokens = [many(5_000, 2), many(4_999), { a: { b: 1 }, c: { d: 2 } }, { a: { b: 2 }, c: { d: 1 } }, {}].map((frontier) => frontierIn(undefined, frontier as Frontier))
  expect(new Set([token, ...tokens]).size).toBe(6)
  expect(frontierIn('full', whole)).toBe(whole)
})
