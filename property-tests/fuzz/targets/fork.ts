/** Proofs of forks: only of a peer that did fork, and never of a place before it did. Whoever could prove more could shut out anybody. */
import { segmentId, type CommitHash } from '../../../crdt/ids.ts'
import type { Commit } from '../../../crdt/commit.ts'
import { makeForkProof, placeOfHeader, verifyForkProof } from '../../../crdt/fork.ts'
import { equalBytes } from '../../../crdt/msgpack.ts'
import { body, createReplica, hlcAt, meshOf, NOW_MS, record, said } from '../../../crdt/test-support.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

/** Two logs of one key that part here. */
const FORKED_AT = 4
const COMMITS = 9

/** @param branch numbers what is said from the fork on. */
const chainOf = (mesh: ReturnType<typeof meshOf>, seedByte: number, branch: number): readonly Commit[] => {
  const replica = createReplica(mesh, seedByte)
  const segment = segmentId(replica.peer, 0)
  return Array.from({ length: COMMITS }, (_, i) =>
    replica.write(hlcAt(NOW_MS + i), segment, {
      ...said('memory.put', i + 1 + (i + 1 >= FORKED_AT ? branch : 0)),
      record: record(i + 1),
      set: { content: body(String(i)) },
    }),
  )
}

const forkProof: Target = {
  name: 'fork proof',
  micros: 130,
  open: () => {
    const mesh = meshOf(1, 4)
    const [left, right] = [chainOf(mesh, 4, 100), chainOf(mesh, 4, 200)]
    const honest = chainOf(mesh, 1, 0)
    const { peer } = left[0]!.header
    const hashes = (commits: readonly Commit[], count: number): readonly CommitHash[] =>
      commits.slice(0, count).map(({ hash }) => hash)
    /** As if only the last of these bore a signature, so that the proof goes by inclusion. */
    const covered = (commits: readonly Commit[]): readonly Commit[] =>
      commits.map((commit, i) => (i < commits.length - 1 ? { ...commit, signature: new Uint8Array(64) } : commit))
    const samples = [FORKED_AT, FORKED_AT + 1, COMMITS].flatMap((at) => {
      const branch = (commits: readonly Commit[]) => ({
        before: hashes(commits, at - 1),
        commits: commits.slice(at - 1),
      })
      const late = (commits: readonly Commit[]) => ({ ...branch(commits), commits: covered(branch(commits).commits) })
      return [
        makeForkProof(at, branch(left), branch(right)),
        makeForkProof(at, late(left), branch(right)),
        makeForkProof(at, late(left), late(right)),
      ].filter((proof) => proof !== null)
    })
    // Proofs that claim too much: of an honest chain, and of a place where both branches still agree.
    const overclaimed = [
      makeForkProof(
        2,
        { before: hashes(left, 1), commits: left.slice(1) },
        { before: hashes(right, 1), commits: right.slice(1) },
      ),
      makeForkProof(
        2,
        { before: hashes(honest, 1), commits: honest.slice(1) },
        { before: hashes(honest, 1), commits: covered(honest.slice(1)) },
      ),
    ].filter((proof) => proof !== null)
    return {
      make: (draw) => mutant(draw, draw.chance(5) ? overclaimed : samples, mutatePacked),
      feed: (input) => {
        const fork = verifyForkProof(input, mesh.id)
        if (fork === null) return refused('proves_nothing')
        judge(fork.peer === peer && fork.chain === left[0]!.chain, 'an honest peer is proven to have forked')
        judge(fork.at >= FORKED_AT && fork.at <= COMMITS, `a fork at ${fork.at}, where both branches agree`)
        return ACCEPTED
      },
    }
  },
}

/** A header by its hash: taken only as the very bytes that were hashed. */
const namedHeader: Target = {
  name: 'named header',
  micros: 25,
  open: () => {
    const commits = chainOf(meshOf(1), 1, 0)
    const [first] = commits as [Commit, ...Commit[]]
    return {
      make: (draw) =>
        mutant(
          draw,
          commits.map(({ headerBytes }) => headerBytes),
          mutatePacked,
        ),
      feed: (input) => {
        const place = placeOfHeader(first.hash, input)
        judge((place !== null) === equalBytes(input, first.headerBytes), 'the hash names another header')
        return place === null ? refused('another_header') : ACCEPTED
      },
    }
  },
}

export const forkTargets: readonly Target[] = [forkProof, namedHeader]
