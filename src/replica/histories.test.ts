/** Ties: of any commit to any later one of its chain, the path that the whole tree gives; from what the index keeps and few reads. */
import { expect, test } from 'vitest'
import type { Commit } from '../../crdt/commit.ts'
import { emptyChain } from '../../crdt/chain.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import {
  hexToBytes,
  incarnation,
  type ChainId,
  type CommitHash,
  type MeshId,
  type Namespace,
  type PeerId,
} from '../../crdt/ids.ts'
import { inclusionProof } from '../../crdt/merkle.ts'
import { createHistories } from './histories.ts'
import { clearLogIndex, createLogIndex, indexCommit } from './log-index.ts'

const CHAIN = '0b'.repeat(16) as ChainId
const LENGTH = 1_400
const hashes = Array.from({ length: LENGTH }, (_, n) => sha256Hex(`commit ${n}`) as CommitHash)
const header = (seq: number): Uint8Array => hexToBytes(sha256Hex(`header ${seq}`))
const state = emptyChain(CHAIN, 'aa'.repeat(32) as PeerId, incarnation(1, 1), 'team' as Namespace)
const commitAt = (seq: number): Commit =>
  ({
    chain: CHAIN,
    hash: hashes[seq - 1]!,
    events: [],
    headerBytes: header(seq),
    header: { ...state, seq, hlc: seq, policy: '', segment: null, deps: [] },
  }) as never

const setUp = () => {
  const index = createLogIndex('aa'.repeat(32) as MeshId)
  const unreadable = new Set<number>()
  let read = 0
  const histories = createHistories(index, {
    at: (_, seq) => (unreadable.has(seq) ? null : commitAt(seq)),
    hashAt: (_, seq) => {
      read++
      return unreadable.has(seq) ? null : hashes[seq - 1]!
    },
  })
  const fill = (): void => {
    for (let seq = 1; seq <= LENGTH; seq++) indexCommit(index, commitAt(seq), seq, 'bb'.repeat(32) as PeerId)
  }
  fill()
  return { index, histories, unreadable, fill, reads: () => read }
}
const wanted = (seq: number, later: number) => ({
  header: header(later),
  path: inclusionProof(hashes.slice(0, later - 1).map(hexToBytes), seq - 1),
})

test('a tie is the path that hashing the whole chain gives, before and after the index was made anew', () => {
  const { index, histories, fill } = setUp()
  const pairs = [
    [1, 2],
    [1, 3],
    [2, 3],
    [1, 257],
    [255, 256],
    [256, 257],
    [257, 258],
    [1, 1_400],
    [700, 1_400],
    [1_024, 1_025],
    [1_025, 1_100],
    [1_399, 1_400],
    [511, 513],
    [512, 1_400],
  ] as const
  for (const [seq, later] of pairs)
    expect([seq, later, histories.tie(CHAIN, seq, later)]).toEqual([seq, later, wanted(seq, later)])
  clearLogIndex(index)
  expect(histories.tie(CHAIN, 1, 2)).toBeNull()
  fill()
  for (const [seq, later] of pairs) expect(histories.tie(CHAIN, seq, later)).toEqual(wanted(seq, later))
  expect(index.blocks.get(CHAIN)).toHaveLength(5)
})

test('takes few reads: at most two blocks, near the end of what was tied just before hardly any', () => {
  const { histories, reads } = setUp()
  histories.tie(CHAIN, 300, 1_400)
  expect(reads()).toBeLessThanOrEqual(2 * 256)
  histories.tie(CHAIN, 1_380, 1_390)
  const before = reads()
  for (let seq = 1_381; seq < 1_390; seq++) histories.tie(CHAIN, seq, seq + 10)
  expect((reads() - before) / 9).toBeLessThan(16)
})

test('there is none where a commit on the way cannot be read, or is not here', () => {
  const { histories, unreadable } = setUp()
  expect(histories.tie(CHAIN, 1_390, LENGTH + 1)).toBeNull()
  unreadable.add(1_385)
  expect(histories.tie(CHAIN, 1_390, 1_400)).toBeNull()
  expect(histories.tie(CHAIN, 600, 610)).not.toBeNull()
  unreadable.add(610)
  expect(histories.tie(CHAIN, 600, 610)).toBeNull()
})
