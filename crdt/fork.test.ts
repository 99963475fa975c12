/**
 * Fork proofs: made from two histories of one key, by nobody else, and short.
 */
import { describe, expect, test } from 'vitest'
import { sealCommit, type Commit, type VerifiedCommit } from './commit.ts'
import { makeForkProof, placeOfHeader, verifyForkProof } from './fork.ts'
import { segmentId, type CommitHash, type PeerId } from './ids.ts'
import { limits } from './limits.ts'
import { publicKeyHex } from './signature.ts'
import { NOW_MS, body, createMesh, createReplica, hlcAt, meshOf, record, said } from './test-support.ts'

const mesh = meshOf(1, 2)

/** A writer's commits 1 … `count`; `n` makes its memories differ from another branch's. */
const write = (replica: ReturnType<typeof createReplica>, count: number, n: number): VerifiedCommit[] =>
  Array.from({ length: count }, (_, i) => {
    const commit = replica.seal(hlcAt(NOW_MS + i + n), segmentId(replica.peer, 0), [
      { ...said('memory.put', n + i), record: record(n + i), set: { content: body(`${n + i}`) } },
    ])
    expect(replica.take(commit.bytes)).toMatchObject({ kind: 'admitted', left_out: null })
    return commit
  })

/** Two histories of one key in one incarnation that share their first `shared` commits. */
const fork = (shared: number, left: number, right: number) => {
  const [a, b] = [createReplica(mesh, 1), createReplica(mesh, 1)]
  const common = write(a, shared, 100)
  for (const commit of common) b.take(commit.bytes)
  return { a, before: common.map(({ hash }) => hash), left: write(a, left, 200), right: write(b, right, 300) }
}
/** The same commit with a signature that is nobody's: covered only by the one behind it. */
const unsigned = (commit: Commit): Commit => ({ ...commit, signature: new Uint8Array(64) })

describe('a fork proof', () => {
  test('shows two commits with one seq, and fits in a frame', () => {
    const { a, before, left, right } = fork(3, 2, 1)
    const proof = makeForkProof(4, { before, commits: left }, { before, commits: right })!
    expect(verifyForkProof(proof, mesh.id)).toEqual({ chain: left[0]!.chain, peer: a.peer, at: 4 })
    expect(proof.length).toBeLessThan(limits.fork_proof_bytes_max)
  })

  test('shows it also where only a later commit of a branch was signed, by its history', () => {
    const { before, left, right } = fork(5, 3, 4)
    const branch = [unsigned(left[0]!), unsigned(left[1]!), left[2]!]
    const proof = makeForkProof(6, { before, commits: branch }, { before, commits: right })!
    expect(verifyForkProof(proof, mesh.id)).toMatchObject({ at: 6 })
    // Or where the other's commit is not even here, but the one behind it names it.
    const named = makeForkProof(
      6,
      { before, commits: left },
      { before: [...before, right[0]!.hash], commits: right.slice(1) },
    )!
    expect(verifyForkProof(named, mesh.id)).toMatchObject({ at: 6 })
  })

  test('cannot be made of one history, nor without a signature', () => {
    const { before, left, right } = fork(2, 2, 2)
    expect(verifyForkProof(makeForkProof(3, { before, commits: left }, { before, commits: left })!, mesh.id)).toBeNull()
    expect(makeForkProof(3, { before, commits: left.map(unsigned) }, { before, commits: right })).toBeNull()
  })

  test('of another key, another chain or another mesh proves nothing', () => {
    const { before, left, right } = fork(1, 1, 1)
    const stranger = createReplica(mesh, 2)
    const theirs = write(stranger, 2, 400)
    expect(
      verifyForkProof(makeForkProof(2, { before, commits: left }, { before, commits: theirs.slice(1) })!, mesh.id),
    ).toBeNull()
    const proof = makeForkProof(2, { before, commits: left }, { before, commits: right })!
    expect(verifyForkProof(proof, createMesh(0xbb).id)).toBeNull()
    // Somebody who lacks the key can only seal in their own name.
    const forged = sealCommit(
      { ...right[0]!.header, peer: publicKeyHex(stranger.keys) as PeerId },
      right[0]!.events,
      stranger.keys,
    )
    expect(
      verifyForkProof(makeForkProof(2, { before, commits: left }, { before, commits: [forged] })!, mesh.id),
    ).toBeNull()
  })

  test('fails on the change of any bit', () => {
    const { before, left, right } = fork(3, 3, 1)
    const proof = makeForkProof(4, { before, commits: [unsigned(left[0]!), left[1]!] }, { before, commits: right })!
    for (let bit = 0; bit < proof.length * 8; bit += 5) {
      const changed = proof.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(verifyForkProof(changed, mesh.id), `bit ${bit}`).toBeNull()
    }
  })

  test('a header tells where a commit stands only under the hash that names it', () => {
    const { left } = fork(0, 1, 1)
    const [commit] = left as [VerifiedCommit]
    expect(placeOfHeader(commit.hash, commit.headerBytes)).toEqual({ chain: commit.chain, seq: 1 })
    expect(placeOfHeader('00'.repeat(32) as CommitHash, commit.headerBytes)).toBeNull()
  })
})
