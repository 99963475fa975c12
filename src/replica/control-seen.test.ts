/** For what this peer voted is known as long as one of its two copies is sound. */
import { expect, test } from 'vitest'
import type { Commit } from '../../crdt/commit.ts'
import { lastVoted, votedFacts } from './control-seen.ts'

const bytes = Uint8Array.of(1, 2, 3)
const facts = votedFacts({ bytes } as Commit)
type Lost = (n: number) => 'damaged' | null | undefined

const voted = (lost: Lost) => {
  const held = new Map(facts.map(([name, value], n) => [name, lost(n) === undefined ? value : lost(n)]))
  return lastVoted({ fact: (name) => held.get(name) ?? null })
}

const cases: readonly (readonly [name: string, lost: Lost, answer: Uint8Array | 'damaged' | null])[] = [
  ['none is lost', () => undefined, bytes],
  ['the first is damaged', (n) => (n === 0 ? 'damaged' : undefined), bytes],
  ['the second is damaged', (n) => (n === 1 ? 'damaged' : undefined), bytes],
  ['the first is gone', (n) => (n === 0 ? null : undefined), bytes],
  ['both are damaged', () => 'damaged', 'damaged'],
  ['one is gone and one damaged', (n) => (n === 0 ? null : 'damaged'), 'damaged'],
  ['both are gone', () => null, null],
]
test.each(cases)('of the copies %s', (_, lost, answer) => {
  expect(facts).toHaveLength(2)
  expect(voted(lost)).toEqual(answer)
})
