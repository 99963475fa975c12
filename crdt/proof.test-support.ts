/** Proofs for tests and vectors: a mesh of three, one commit of several events with texts, and what its voters signed. */
import { partOf, signAck } from './ack.ts'
import { makeBody, type Body } from './body.ts'
import { eventLeaf, type SealedEvent } from './commit.ts'
import { hexToBytes, segmentId, type PeerId } from './ids.ts'
import { inclusionProof } from './merkle.ts'
import type { Proof } from './proof-file.ts'
import type { Vouch } from './receipt.ts'
import { keyPairFromSeed, publicKeyHex } from './signature.ts'
import {
  NOW_MS,
  createMesh,
  createReplica,
  founderOfSeed,
  hlcAt,
  record,
  said,
  sealEvents,
  seed,
  type TestMesh,
} from './test-support.ts'

const textBody = (text: string, byte: number): Body =>
  makeBody(new Uint8Array(16).fill(byte), new TextEncoder().encode(text))
const ref = ({ ref: of }: Body): { readonly ref: Body['ref'] } => ({ ref: of })

export type Written = { readonly mesh: TestMesh; readonly proof: Proof; readonly events: readonly SealedEvent[] }

/**
 * The proof of event `index` of the second commit of peer 1, which has `events` of them, in a mesh of these voters.
 * @param later voters that name the third commit, which is tied.
 */
export const writtenProof = ({
  voters = [1, 2, 3],
  events: count = 3,
  index = 1,
  later = [] as readonly number[],
  observers = [] as readonly number[],
  attestation = null as Uint8Array | null,
} = {}): Written => {
  const mesh = createMesh(0xaa, {
    members: voters.map((byte) => ({
      ...founderOfSeed(byte),
      role: observers.includes(byte) ? ('observer' as const) : ('voter' as const),
    })),
  })
  const replica = createReplica(mesh, 1)
  const where = segmentId(replica.peer, 1)
  const [title, content] = [textBody('Deploy key', 1), textBody('The deploy key rotates on Fridays.', 2)]
  replica.write(hlcAt(NOW_MS, 1), where, {
    ...said('memory.put', 1),
    record: record(1),
    set: { content: ref(content) },
  })
  const sealed = sealEvents(
    Array.from({ length: count }, (_, n) => ({
      ...said('memory.put', 10 + n),
      record: record(10 + n),
      set: { title: ref(title), content: ref(content), priority: 7 },
    })),
  ).map((event, n) => (n === index ? { ...event, attestation } : event))
  const commit = replica.sealAll(hlcAt(NOW_MS, 2), where, sealed)
  replica.take(commit.bytes)
  const next = replica.write(hlcAt(NOW_MS, 3), where, { ...said('memory.forget', 2), record: record(1) })
  const acks = voters.map((byte): Vouch => {
    const keys = keyPairFromSeed(seed(byte))
    const named = later.includes(byte) ? next : commit
    const ack = signAck(
      {
        mesh: mesh.id,
        voter: publicKeyHex(keys) as PeerId,
        watermarks: [{ chain: commit.chain, seq: named.header.seq, hash: named.hash, whole: true }],
      },
      keys,
    )
    const leaves = replica.log
      .filter(({ chain, header }) => chain === commit.chain && header.seq < named.header.seq)
      .map(({ hash }) => hexToBytes(hash))
    return {
      ...partOf(ack, commit.chain)!,
      tie: named === commit ? null : { header: named.headerBytes, path: inclusionProof(leaves, commit.header.seq - 1) },
    }
  })
  return {
    mesh,
    events: sealed,
    proof: {
      mesh: mesh.id,
      control: mesh.control.map(({ bytes }) => bytes),
      receipt: { header: commit.headerBytes, acks },
      signature: commit.signature,
      event: sealed[index]!.bytes,
      attestation,
      index,
      path: inclusionProof(sealed.map(eventLeaf), index),
      texts: [title, content].sort((a, b) => (a.ref < b.ref ? -1 : 1)),
    },
  }
}
