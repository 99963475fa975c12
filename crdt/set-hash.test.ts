/**
 * A set hash is a function of the set alone.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addSet, addToSet, emptySetHash, removeFromSet, setDigest } from './set-hash.ts'

const hashOf = (elements: readonly string[]) => {
  const state = emptySetHash()
  for (const element of elements) addToSet(state, element)
  return state
}

describe('a set hash', () => {
  test('does not depend on the order, and forgets what is removed', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 8 }), fc.array(fc.string(), { maxLength: 8 }), (kept, removed) => {
        const state = hashOf([...removed, ...kept])
        for (const element of removed) removeFromSet(state, element)
        expect(setDigest(state)).toBe(setDigest(hashOf(kept.toReversed())))
      }),
      { numRuns: 50 },
    )
  })

  test('tells sets apart, and one element from the same twice', () => {
    const digests = [[], ['a'], ['a', 'a'], ['b'], ['a', 'b'], ['ab']].map((elements) => setDigest(hashOf(elements)))
    expect(new Set(digests).size).toBe(digests.length)
  })

  test('of a union is the sum', () => {
    const sum = hashOf(['a', 'b'])
    addSet(sum, hashOf(['c']))
    expect(setDigest(sum)).toBe(setDigest(hashOf(['a', 'b', 'c'])))
  })

  test('is the same in every version: a known answer', () => {
    expect(setDigest(emptySetHash())).toMatch(/^[0-9a-f]{64}$/)
    expect(setDigest(hashOf(['mnemesh']))).toMatchInlineSnapshot(
      `"145d4b439bc69dd40ece535a5aeca9a8f9320cdca99a3d7c1621b2ac60853f70"`,
    )
  })
})
