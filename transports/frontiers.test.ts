/** Two frontiers compared: what the other side has, and we lack or have otherwise, is found; whatever it answers, in bounded work. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrontierTree, type Head } from '../crdt/frontier-tree.ts'
import { sha256, sha256Hex } from '../crdt/hash.ts'
import type { ChainId, CommitHash } from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { createComparison, nodeToTell } from './frontiers.ts'
import type { FrontierEntry } from './host.ts'
import { encode, type NodeTold } from './messages.ts'

const KEY = sha256('session')
const NODES_MAX = 20_000
const chainOf = (n: number): ChainId => `${n % 3 === 0 ? '0123' : ''}${sha256Hex(`chain ${n}`)}`.slice(0, 32) as ChainId
const sideWith = (entries: readonly (readonly [n: number, seq: number])[]) => {
  const heads = new Map<ChainId, Head>(
    entries.map(([n, seq]) => [chainOf(n), { seq, hash: sha256Hex(`${n} ${seq}`) as CommitHash }]),
  )
  const frontier = createFrontierTree((chain) => heads.get(chain))
  for (const chain of heads.keys()) frontier.touch(chain)
  return { frontier, heads }
}

const compare = (ours: ReturnType<typeof sideWith>, answer: (prefixes: readonly string[]) => readonly NodeTold[]) => {
  const comparison = createComparison(ours, KEY, NODES_MAX)
  const found: FrontierEntry[] = []
  let asked = 0
  for (
    let prefixes = comparison.next();
    prefixes.length > 0 && !comparison.isTooLarge();
    prefixes = comparison.next()
  ) {
    asked += prefixes.length
    found.push(...(comparison.told(answer(prefixes)) ?? []))
  }
  return { found, asked, isTooLarge: comparison.isTooLarge() }
}

test('AE4 whatever the other side has and we lack is told; a part of the answers may be left out', () => {
  const side = fc.uniqueArray(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 3 })), {
    selector: ([n]) => n,
    maxLength: 300,
    // By default fast-check makes arrays of some ten: those are one leaf, and one question has one answer.
    size: 'max',
  })
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 5 }), (left, right, told) => {
      const [ours, theirs] = [sideWith(left), sideWith(right)]
      const { found } = compare(ours, (prefixes) =>
        prefixes
          .slice(0, Math.max(1, Math.ceil(prefixes.length / told)))
          .map((prefix) => nodeToTell(theirs, KEY, prefix)),
      )
      const byChain = new Map(found.map((entry) => [entry.chain, entry]))
      for (const [chain, head] of theirs.heads)
        if (ours.heads.get(chain)?.hash !== head.hash) expect(byChain.get(chain)).toEqual({ chain, ...head })
    }),
    { numRuns: 60 },
  )
})

test('AE4 of 5,000 chains of which three differ a few subtrees are told', () => {
  const all = Array.from({ length: 5_000 }, (_, n) => [n, 1] as const)
  const [ours, theirs] = [sideWith(all), sideWith(all.map(([n]) => [n, n % 2_000 === 1 ? 2 : 1] as const))]
  let bytes = 0
  const { found, asked } = compare(ours, (prefixes) => {
    const nodes = prefixes.map((prefix) => nodeToTell(theirs, KEY, prefix))
    bytes +=
      encode({ type: 'frontier', nodes, arrivals: 5_003 }).length + encode({ type: 'frontier_ask', prefixes }).length
    return nodes
  })
  expect(found.filter(({ seq }) => seq === 2)).toHaveLength(3)
  expect([asked < 20, bytes < 6_000]).toEqual([true, true])
})

test('AE4 nothing is taken from an answer to an earlier question', () => {
  const comparison = createComparison(sideWith([[1, 1]]), KEY)
  comparison.next()
  expect(comparison.told([{ prefix: '0', kind: 'leaf', entries: [] }])).toBeNull()
  expect(comparison.told([{ prefix: '', kind: 'leaf', entries: [] }])).toEqual([])
  expect(comparison.next()).toEqual([])
})

test('AE12 whoever says that each part of its frontier is another, all the way down, is asked for so many and no more', () => {
  let waiting = 0
  const { asked, isTooLarge } = compare(sideWith([[1, 1]]), (prefixes) => {
    waiting = Math.max(waiting, prefixes.length)
    return prefixes.map((prefix) => ({ prefix, kind: 'node', digests: new Uint8Array(128).fill(7) }))
  })
  expect([isTooLarge, waiting]).toEqual([true, limits.frontier_nodes_per_frame_max])
  expect(asked).toBeLessThanOrEqual(NODES_MAX + limits.frontier_nodes_per_frame_max)
})
