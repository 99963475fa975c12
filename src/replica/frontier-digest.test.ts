/** The kept digest of the frontier is the one worked out from nothing, whatever happened to the chains; and it costs little. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyChain } from '../../crdt/chain.ts'
import { frontierDigest } from '../../crdt/frontier.ts'
import { sha256, sha256Hex } from '../../crdt/hash.ts'
import {
  bytesToHex,
  incarnation,
  type ChainId,
  type CommitHash,
  type MeshId,
  type Namespace,
  type PeerId,
} from '../../crdt/ids.ts'
import { threadMs } from '../testing/turn-cpu.ts'
import { createFrontierDigests } from './frontier-digest.ts'
import { clearLogIndex, createLogIndex, type LogIndex } from './log-index.ts'

const chainOf = (n: number): ChainId => sha256Hex(`chain ${n}`).slice(0, 32) as ChainId
const namespaceOf = (n: number): Namespace => `n/${n % 3}` as Namespace
const grow = (index: LogIndex, n: number, seq: number): void => {
  const state = emptyChain(chainOf(n), 'ab'.repeat(32) as PeerId, incarnation(n, 0), namespaceOf(n))
  index.chains.set(state.id, { ...state, seq, hash: sha256Hex(`${n} ${seq}`) as CommitHash })
}
const fromNothing = (index: LogIndex, key?: Uint8Array, namespace?: Namespace): string =>
  bytesToHex(
    frontierDigest(
      [...index.chains.values()]
        .filter((state) => namespace === undefined || state.namespace === namespace)
        .map(({ id, seq, hash }) => ({ chain: id, seq, hash })),
      key,
    ),
  )

test('equal to the digest from nothing: chains begun, gone on, cut to nothing, forgotten, in any order', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          { weight: 20, arbitrary: fc.tuple(fc.nat(60), fc.nat(3)) },
          { weight: 1, arbitrary: fc.constant(null) },
        ),
        { maxLength: 80 },
      ),
      fc.nat(5),
      (steps, every) => {
        const index = createLogIndex('cd'.repeat(32) as MeshId)
        const digests = createFrontierDigests(index)
        for (const [i, step] of steps.entries()) {
          if (step === null) clearLogIndex(index)
          else grow(index, ...step)
          if (i % (every + 1) !== 0) continue
          const key = sha256(`key ${i}`)
          expect(bytesToHex(digests.all(key))).toBe(fromNothing(index, key))
          expect(bytesToHex(digests.all())).toBe(fromNothing(index))
          for (const [namespace, digest] of digests.of([namespaceOf(0), namespaceOf(1)]))
            expect(digest).toBe(fromNothing(index, undefined, namespace))
        }
      },
    ),
  )
})

test('3,000 chains: one goes on, and the next digest costs a quarter of one from nothing at most', () => {
  const index = createLogIndex('cd'.repeat(32) as MeshId)
  for (let n = 0; n < 3_000; n++) grow(index, n, 1)
  const digests = createFrontierDigests(index)
  const key = sha256('key')
  digests.all(key)
  const took = (times: number, work: (n: number) => unknown): number => {
    const before = threadMs()
    for (let n = 0; n < times; n++) work(n)
    return (threadMs() - before) / times
  }
  const [plain, kept] = [
    took(10, () => fromNothing(index, key)),
    took(30, (n) => {
      grow(index, n, 2)
      return digests.all(key)
    }),
  ]
  const still = took(30, () => digests.all(key))
  process.stdout.write(
    `3,000 chains, ms a digest: from nothing ${plain.toFixed(2)}, one chain gone on ${kept.toFixed(2)}, none ${still.toFixed(2)}\n`,
  )
  expect(bytesToHex(digests.all(key))).toBe(fromNothing(index, key))
  expect(kept).toBeLessThan(plain / 4)
})
