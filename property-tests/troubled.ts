/**
 * Histories with trouble in them: a commit that its document refuses and what follows it, a fork in the middle, a revocation; for the lives of
 * witnesses that hear of them in any order.
 */
import type { Commit } from '../crdt/commit.ts'
import { makeForkProof } from '../crdt/fork.ts'
import type { play } from '../crdt/history.test-support.ts'
import type { Hlc } from '../crdt/hlc.ts'
import { CONTROL_NAMESPACE, type ChangeHash, type PeerId } from '../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../crdt/signature.ts'
import { createReplica as createWriter, cutting, record, said, seed, type TestMesh } from '../crdt/test-support.ts'
import type { Stream } from './sim/streams.ts'

/** Keys of the two whose lives are told: both are voters, for each says again what a branch erased, and the other must take it. */
export const WITNESSES = [8, 9] as const
export const FROM = publicKeyHex(keyPairFromSeed(seed(1))) as PeerId
export type Told = {
  readonly mesh: TestMesh
  readonly commits: readonly Commit[]
  readonly proofs: readonly Uint8Array[]
}

/** What was played, and: a commit that its document refuses, with what follows it; a fork in the middle; a revocation. */
export const withTrouble = ({ mesh, replicas, homes, commits }: ReturnType<typeof play>, draw: Stream): Told => {
  for (const key of WITNESSES)
    mesh.say({
      ...said('peer.enrol', 0x3000 + key, CONTROL_NAMESPACE),
      peer: publicKeyHex(keyPairFromSeed(seed(key))) as PeerId,
      name: `witness ${key}`,
      role: 'voter',
    })
  const [ann, bob, cid] = replicas as [(typeof replicas)[number], (typeof replicas)[number], (typeof replicas)[number]]
  const all: Commit[] = [...commits]
  const proofs: Uint8Array[] = []
  const at = (n: number): Hlc => (Math.max(...all.map(({ header }) => header.hlc)) + n) as Hlc
  const patch = (n: number) => ({
    ...said('memory.patch', 9_000 + n),
    record: record(0),
    set: { priority: 1 + (n % 9) },
  })
  if (draw.chance(0.6)) {
    const lie = bob.seal(at(1), homes[1], [patch(1)], { changeHash: 'ab'.repeat(32) as ChangeHash })
    bob.take(lie.bytes)
    all.push(lie, bob.write(at(2), homes[1], patch(2)))
  }
  if (draw.chance(0.5)) {
    const theirs = ann.log.filter(({ chain }) => chain === ann.chainOf(patch(0).ns).id)
    const kept = draw.int(0, theirs.length - 1)
    const twin = createWriter(mesh, 1)
    for (const commit of ann.log)
      if (commit !== theirs[kept] && !commit.header.deps.some((dep) => !twin.view.meta(dep))) twin.take(commit.bytes)
    const other = twin.seal(at(3), null, [{ ...said('episode.append', 9_003), event_type: 'lied' }])
    const proof = makeForkProof(
      other.header.seq,
      { before: [], commits: [theirs.find(({ header }) => header.seq === other.header.seq)!] },
      { before: [], commits: [other] },
    )
    if (proof !== null) proofs.push(proof)
  }
  if (draw.chance(0.5)) {
    const chain = cid.chainOf(patch(0).ns)
    all.push(
      mesh.say(
        ...cutting(
          draw.chance(0.7) ? 'peer.revoke' : 'peer.leave_behind',
          0x2000,
          cid.peer,
          chain.seq === 0 ? {} : { [chain.id]: draw.int(1, chain.seq) },
        ),
      ),
    )
  }
  return { mesh, commits: all, proofs }
}

/** Genesis, the three writers, and the two witnesses. */
export const FOUNDING = 1 + 3 + WITNESSES.length
