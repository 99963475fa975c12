/** Chains: each commit names the one before and all before it, and a later signature vouches for the earlier ones. */
import { describe, expect, it } from 'vitest'
import { chainFault, coveredCommits, emptyChain, extendChain } from './chain.ts'
import type { Commit } from './commit.ts'
import { ZERO_HASH, bytesToHex, hexToBytes, segmentId, type CommitHash } from './ids.ts'
import { EMPTY_ROOT, inclusionProof, leafHash, merkleRoot, verifyInclusion } from './merkle.ts'
import { NOW_MS, NS, body, createReplica, hlcAt, meshOf, record, said } from './test-support.ts'

const a = createReplica(meshOf(1), 1)
const home = segmentId(a.peer, 0)
const commits: Commit[] = [
  a.write(hlcAt(NOW_MS), home, { ...said('memory.put', 1), record: record(1), set: { content: body('x') } }),
]
for (let n = 2; n <= 9; n++)
  commits.push(a.write(hlcAt(NOW_MS, n), home, { ...said('memory.patch', n), record: record(1), set: { priority: n } }))
const start = emptyChain(commits[0]!.chain, a.peer, a.incarnation, NS)
const third = commits.slice(0, 3).reduce((chain, commit) => extendChain(chain, commit, 2), start)
const [c3, c4, c5] = [commits[2]!, commits[3]!, commits[4]!]
const withHeader = (commit: Commit, header: Partial<Commit['header']>): Commit => ({
  ...commit,
  header: { ...commit.header, ...header },
})

describe('a chain', () => {
  it('begins with nothing', () => {
    expect(commits[0]!.header).toMatchObject({ seq: 1, prev: ZERO_HASH, history: bytesToHex(EMPTY_ROOT) })
    expect(chainFault(start, commits[0]!)).toBeNull()
  })

  it('takes its next commit and no other', () => {
    expect(chainFault(third, c4)).toBeNull()
    expect(chainFault(third, c5)).toBe('gap')
    expect(chainFault(third, c3)).toBe('gap')
    expect(chainFault(start, withHeader(c4, { seq: 1 }))).toBe('bad_prev')
    expect(chainFault(third, withHeader(c4, { prev: commits[0]!.hash }))).toBe('bad_prev')
    expect(chainFault(third, withHeader(c4, { prev: ZERO_HASH as CommitHash }))).toBe('bad_prev')
    expect(chainFault(third, withHeader(c4, { history: c3.header.history }))).toBe('bad_history')
  })

  it('goes forward in time', () => {
    for (const hlc of [c3.header.hlc, commits[0]!.header.hlc])
      expect(chainFault(third, withHeader(c4, { hlc }))).toBe('hlc_not_after')
  })

  it('names in each commit the root over all earlier ones, so that any is proven in it', () => {
    for (const [seq, commit] of commits.entries()) {
      const hashes = commits.slice(0, seq).map(({ hash }) => hexToBytes(hash))
      expect(commit.header.history).toBe(bytesToHex(merkleRoot(hashes)))
      for (const [i, leaf] of hashes.entries())
        expect(
          verifyInclusion(
            leafHash(leaf),
            i,
            hashes.length,
            inclusionProof(hashes, i),
            hexToBytes(commit.header.history),
          ),
        ).toBe(true)
    }
  })

  it('is a value: extending leaves it as it was', () => {
    const before = structuredClone(third)
    expect(extendChain(third, c4, 5)).toMatchObject({ seq: 4, hash: c4.hash, hlc: c4.header.hlc, policySeq: 5 })
    expect(third).toEqual(before)
  })
})

describe('coverage', () => {
  const unsigned = (commit: Commit): Commit => ({
    ...commit,
    signature: commit.signature.with(0, commit.signature[0]! ^ 1),
  })

  it('reaches up to the last valid signature, over bad ones before it', () => {
    const run = [unsigned(c3), c4, unsigned(c5)]
    expect(coveredCommits(run)).toEqual([run[0], run[1]])
    expect(coveredCommits([unsigned(c3), unsigned(c4), c5])).toHaveLength(3)
  })

  it('is of none without a valid signature: a commit alone with a bad one waits', () => {
    expect(coveredCommits([unsigned(c3)])).toEqual([])
    expect(coveredCommits([unsigned(c3), unsigned(c4)])).toEqual([])
    expect(coveredCommits([])).toEqual([])
  })

  it('is not had by the signature of a neighbour', () => {
    expect(coveredCommits([{ ...c3, signature: c4.signature }])).toEqual([])
  })
})
