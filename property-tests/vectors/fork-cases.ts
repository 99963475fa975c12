/** Vectors of fork proofs: what each proves, and bytes that prove nothing. */
import { chainId, eventsRoot, sealCommit, type Commit } from '../../crdt/commit.ts'
import { emptyChain, extendChain, type ChainState } from '../../crdt/chain.ts'
import { makeForkProof, verifyForkProof } from '../../crdt/fork.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import { bytesToHex, incarnation, type CommitHash, type MeshId } from '../../crdt/ids.ts'
import { historyRoot } from '../../crdt/merkle.ts'
import { pack, unpack, type Packable } from '../../crdt/msgpack.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { meshOf, NOW_MS, NS, hlcAt, peerOfSeed, said, sealEvents, seed } from '../../crdt/test-support.ts'

export type ForkVectors = {
  readonly mesh: string
  readonly proofs: readonly {
    readonly rule: string
    readonly name: string
    readonly proof: string
    readonly peer: string
    readonly chain: string
    readonly at: number
  }[]
  readonly refused: readonly { readonly rule: string; readonly name: string; readonly proof: string }[]
}

type Side = readonly [Uint8Array, Uint8Array, Uint8Array, readonly Uint8Array[]]

const MESH: MeshId = meshOf(1, 2).id
const PEER = peerOfSeed(1)
const INC = incarnation(NOW_MS, 1)
const BEGIN = emptyChain(chainId(PEER, INC, NS), PEER, INC, NS)

/** So many commits behind `chain`; those of another `word` are other commits. */
const grow = (
  chain: ChainState,
  word: number,
  count: number,
  mesh: MeshId = MESH,
): readonly { readonly commit: Commit; readonly after: ChainState }[] => {
  let state = chain
  return Array.from({ length: count }, () => {
    const events = sealEvents([{ ...said('episode.append', word * 100 + state.seq), event_type: 'note' }])
    const commit = sealCommit(
      {
        mesh,
        namespace: NS,
        peer: PEER,
        incarnation: INC,
        seq: state.seq + 1,
        prev: state.hash,
        history: bytesToHex(historyRoot(state.history)),
        hlc: hlcAt(NOW_MS + state.seq),
        policy: sha256Hex('a control commit') as CommitHash,
        segment: null,
        deps: [],
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        changeHash: null,
      },
      events,
      keyPairFromSeed(seed(1)),
    )
    state = extendChain(state, commit, 1)
    return { commit, after: state }
  })
}
const must = <T>(value: T | null | undefined): T => {
  if (value === null || value === undefined) throw new Error('a case of the fork vectors makes no proof: mend it')
  return value
}

export const makeForkVectors = (): ForkVectors => {
  const trunk = grow(BEGIN, 1, 3)
  const end = trunk.at(-1)!.after
  const before = trunk.map(({ commit }) => commit.hash)
  const [left, right] = [grow(end, 2, 4), grow(end, 3, 2)].map((made) => made.map(({ commit }) => commit)) as [
    Commit[],
    Commit[],
  ]
  const unsigned = (commit: Commit): Commit => ({ ...commit, signature: new Uint8Array(64) })
  const both = must(makeForkProof(4, { before, commits: left }, { before, commits: right }))
  const later = must(
    makeForkProof(
      4,
      { before, commits: left.map((commit, i) => (i < 3 ? unsigned(commit) : commit)) },
      { before, commits: [unsigned(right[0]!), right[1]!] },
    ),
  )
  const first = must(
    makeForkProof(
      1,
      { before: [], commits: grow(BEGIN, 4, 1).map(({ commit }) => commit) },
      { before: [], commits: trunk.map(({ commit }) => commit) },
    ),
  )
  const foreign = must(
    makeForkProof(
      1,
      { before: [], commits: grow(BEGIN, 4, 1, meshOf(3).id).map(({ commit }) => commit) },
      { before: [], commits: grow(BEGIN, 5, 1, meshOf(3).id).map(({ commit }) => commit) },
    ),
  )
  const proves = (name: string, proof: Uint8Array) => ({
    rule: 'FO1',
    name,
    proof: bytesToHex(proof),
    ...must(verifyForkProof(proof, MESH)),
  })
  const [, at, a, b] = must(unpack(later)) as readonly [number, number, Side, Side]
  const [, , plain] = must(unpack(both)) as readonly [number, number, Side, Side]
  const made = (...fields: readonly unknown[]): Uint8Array => pack(fields as Packable)
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(9, bytes[9]! ^ 1)
  const refused: readonly (readonly [string, string, Uint8Array])[] = [
    ['FO1', 'version 2', made(2, at, a, b)],
    ['FO1', 'one side twice', made(1, at, a, a)],
    ['FO1', 'one commit, shown by itself and by a later one', made(1, at, a, plain)],
    ['FO1', 'a place that is not the one of the path', made(1, 3, a, b)],
    ['FO1', 'a place behind both', made(1, 9, a, b)],
    ['FO1', 'another leaf', made(1, at, [a[0], a[1], flipped(a[2]), a[3]], b)],
    [
      'FO1',
      'a hash of the path is another',
      made(1, at, [a[0], a[1], a[2], a[3].map((hash, i) => (i === 0 ? flipped(hash) : hash))], b),
    ],
    ['FO1', 'a path too long', made(1, at, [a[0], a[1], a[2], [...a[3], a[2]]], b)],
    ['FO1', 'a leaf beside the header that is meant', made(1, at, [plain[0], plain[1], a[2], []], b)],
    ['FO1', 'a signature of nobody', made(1, at, [a[0], flipped(a[1]), a[2], a[3]], b)],
    ['FO1', 'of another mesh', foreign],
    ['FO1', 'of two chains', ofTwoChains(plain)],
  ]
  return {
    mesh: MESH,
    proofs: [
      proves('both sign the place itself', both),
      proves('both are shown by later commits', later),
      proves('at the first place: one by itself', first),
    ],
    refused: refused.map(([rule, name, proof]) => {
      if (verifyForkProof(proof, MESH) !== null) throw new Error(`${name} proves a fork: mend the case`)
      return { rule, name, proof: bytesToHex(proof) }
    }),
  }
}

/** The second side stands in the same place of the peer's chain of another incarnation. */
const ofTwoChains = (side: Side): Uint8Array => {
  const events = sealEvents([{ ...said('episode.append', 900), event_type: 'note' }])
  const elsewhere = sealCommit(
    {
      mesh: MESH,
      namespace: NS,
      peer: PEER,
      incarnation: incarnation(NOW_MS + 1, 1),
      seq: 4,
      prev: BEGIN.hash,
      history: sha256Hex(''),
      hlc: hlcAt(NOW_MS),
      policy: sha256Hex('a control commit') as CommitHash,
      segment: null,
      deps: [],
      eventsRoot: eventsRoot(events),
      eventCount: 1,
      changeHash: null,
    },
    events,
    keyPairFromSeed(seed(1)),
  )
  return pack([1, 4, side, [elsewhere.headerBytes, elsewhere.signature, new Uint8Array(0), []]])
}
