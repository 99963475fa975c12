/** The frontier's tree is a function of the entries alone, tells where two differ, and costs little. */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrontierTree, type FrontierTree, type Head } from './frontier-tree.ts'
import { sha256Hex } from './hash.ts'
import { bytesToHex, type ChainId, type CommitHash } from './ids.ts'
import { limits } from './limits.ts'

type Heads = ReadonlyMap<ChainId, Head>
/** Half of them share their first digits, as ids that somebody looked for. */
const chainOf = (n: number): ChainId =>
  `${n % 2 === 0 ? 'abcdefab' : ''}${sha256Hex(`chain ${n}`)}`.slice(0, 32) as ChainId
const headOf = (n: number, seq: number): Head => ({ seq, hash: sha256Hex(`${n} ${seq}`) as CommitHash })
const treeOf = (heads: Map<ChainId, Head>): FrontierTree => {
  const tree = createFrontierTree((chain) => heads.get(chain))
  for (const chain of heads.keys()) tree.touch(chain)
  return tree
}

/** By the page alone: recursion over the sorted entries. */
const dumb = (heads: Heads, prefix: string): string => {
  const under = [...heads]
    .filter(([chain, { seq }]) => seq > 0 && chain.startsWith(prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (under.length === 0) return '00'.repeat(32)
  if (under.length > limits.frontier_leaf_entries_max)
    return createHash('sha256')
      .update('mnemesh/frontier-node/1')
      .update(Buffer.from(Array.from('0123456789abcdef', (digit) => dumb(heads, prefix + digit)).join(''), 'hex'))
      .digest('hex')
  return createHash('sha256')
    .update('mnemesh/frontier-leaf/1')
    .update(
      Buffer.from(
        under.map(([chain, { seq, hash }]) => chain + seq.toString(16).padStart(16, '0') + hash).join(''),
        'hex',
      ),
    )
    .digest('hex')
}

test('the digest under every prefix is the one from nothing, whatever came, went on and was cut, in whatever order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(80), fc.oneof(fc.constant(0), fc.integer({ min: 1, max: limits.seq_max }))), {
        maxLength: 200,
      }),
      fc.integer({ min: 1, max: 40 }),
      (steps, every) => {
        const heads = new Map<ChainId, Head>()
        const tree = treeOf(heads)
        for (const [i, [n, seq]] of steps.entries()) {
          heads.set(chainOf(n), headOf(n, seq))
          tree.touch(chainOf(n))
          if (i % every === 0) expect(bytesToHex(tree.root())).toBe(dumb(heads, ''))
        }
        for (const prefix of ['', 'a', 'ab', 'abcdefab', 'abcdefab1', '0', '07', chainOf(1), chainOf(2)]) {
          expect(bytesToHex(tree.digestAt(prefix))).toBe(dumb(heads, prefix))
          const node = tree.at(prefix)
          const under = [...heads]
            .filter(([chain, { seq }]) => seq > 0 && chain.startsWith(prefix))
            .map(([chain, head]) => ({ chain, ...head }))
          if (node.kind === 'leaf') expect(node.entries).toEqual(under.sort((a, b) => (a.chain < b.chain ? -1 : 1)))
          else
            expect(node.digests.map(bytesToHex)).toEqual(
              Array.from('0123456789abcdef', (digit) => dumb(heads, prefix + digit)),
            )
          expect(node.kind === 'leaf').toBe(under.length <= limits.frontier_leaf_entries_max)
        }
        expect(bytesToHex(treeOf(new Map([...heads].reverse())).root())).toBe(bytesToHex(tree.root()))
      },
    ),
    { numRuns: 60 },
  )
})

test('a tree that was emptied is the empty one', () => {
  const tree = treeOf(new Map([[chainOf(1), headOf(1, 1)]]))
  tree.clear()
  expect([bytesToHex(tree.root()), tree.at('')]).toEqual(['00'.repeat(32), { kind: 'leaf', entries: [] }])
})
