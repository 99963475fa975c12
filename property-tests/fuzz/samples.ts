/**
 * A small history to mutate: a mesh of three, two of which write into one segment, concurrently and not; with every kind of
 * event. All of it follows from constants, so samples are the same in every process.
 */
import type { VerifiedCommit } from '../../crdt/commit.ts'
import type { Event } from '../../crdt/event.ts'
import {
  CONTROL_NAMESPACE,
  segmentId,
  type ChainId,
  type PeerId,
  type PublicKey,
  type RecordId,
  type SegmentId,
} from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import {
  NOW_MS,
  body,
  createReplica,
  eventId,
  founderOfSeed,
  genesisOf,
  hlcAt,
  meshOf,
  peerOfSeed,
  record,
  said,
  seed,
  type TestMesh,
  type TestReplica,
  cutting,
} from '../../crdt/test-support.ts'

export type History = {
  readonly mesh: TestMesh
  /** Whose replica has taken everything but `next`. */
  readonly alice: TestReplica
  readonly bob: TestReplica
  readonly segment: SegmentId
  /** In an order in which every dep comes first, the control log left out. */
  readonly commits: readonly VerifiedCommit[]
  /** Valid, of bob, taken by nobody: a commit of several events on everything before, a concurrent one, and a log-only one. */
  readonly next: readonly VerifiedCommit[]
}

const BOB_SEED = 2
const at = '2026-01-01T00:00:00.000Z'

/** Kinds with a document, first each alone. */
export const documentEvents = (n: number, existing: RecordId, fresh: RecordId): readonly Event[] => [
  {
    ...said('memory.put', n),
    record: fresh,
    set: {
      content: body(`c${n}`),
      title: body(`t${n}`),
      metadata: body(`m${n}`),
      kind: 'note',
      tier: 'long',
      priority: 7,
      confidence: 0.25,
      source: body(`s${n}`),
      scope: 'team',
      run_id: 'r1',
      occurred_at: at,
      expires_at: at,
    },
    tags: { add: ['x', 'y'], remove: [] },
  },
  {
    ...said('memory.patch', n + 1),
    record: existing,
    set: { title: null, priority: 1, source: null, content: body(`c2${n}`) },
    tags: { add: ['z'], remove: ['x'] },
  },
  {
    ...said('link.put', n + 2),
    record: record(9_000 + n),
    from: fresh,
    to: existing,
    relation: 'explains',
    valid_from: at,
    valid_until: at,
  },
  { ...said('memory.forget', n + 3), record: existing },
  { ...said('memory.restore', n + 4), record: existing },
  { ...said('link.remove', n + 5), record: record(9_000 + n) },
  { ...said('memory.erase', n + 6), record: existing },
]

export const episode = (n: number): Event => ({
  ...said('episode.append', n),
  event_type: 'note',
  sender: 'a',
  recipient: 'b',
  body: body(`e${n}`),
  inference_receipt_id: 'i',
  audit_event_hash: 'h',
})

export const controlEvents = (): readonly Event[] => [
  genesisOf(0xaa, {
    id: eventId(7_001),
    members: [founderOfSeed(1), { ...founderOfSeed(2), role: 'observer' }],
    recovery: { threshold: 2, keys: [4, 5, 6].map((byte) => peerOfSeed(byte) as string as PublicKey) },
  }),
  {
    ...said('peer.enrol', 7_002, CONTROL_NAMESPACE),
    peer: publicKeyHex(keyPairFromSeed(seed(9))) as PeerId,
    name: 'nine',
    role: 'observer',
    invite: 'abcd',
  },
  { ...said('mesh.recover', 7_020, CONTROL_NAMESPACE), authority: peerOfSeed(7) as string as PublicKey },
  ...cutting('peer.revoke', 7_003, publicKeyHex(keyPairFromSeed(seed(9))) as PeerId, {
    ['ab'.repeat(16) as ChainId]: 3,
  }),
  ...cutting('peer.leave_behind', 7_010, publicKeyHex(keyPairFromSeed(seed(9))) as PeerId, {
    ['ab'.repeat(16) as ChainId]: 3,
    ['cd'.repeat(16) as ChainId]: 1,
  }),
]

export const makeHistory = (): History => {
  const mesh = meshOf(1, BOB_SEED, 3)
  const [alice, bob] = [createReplica(mesh, 1), createReplica(mesh, BOB_SEED)]
  const segment = segmentId(alice.peer, 0)
  const own = segmentId(bob.peer, 0)
  const commits: VerifiedCommit[] = []
  let ms = NOW_MS
  const write = (author: TestReplica, where: SegmentId | null, ...events: readonly Event[]): VerifiedCommit => {
    const commit = author.write(hlcAt(++ms), where, ...events)
    commits.push(commit)
    return commit
  }
  const exchange = (): void => {
    for (const commit of commits) for (const replica of [alice, bob]) replica.take(commit.bytes)
  }
  write(alice, segment, ...documentEvents(100, record(1), record(1)).slice(0, 1))
  write(alice, segment, { ...said('memory.put', 110), record: record(2), set: { content: body('two') } })
  exchange()
  // Concurrent: neither knows of the other.
  write(alice, segment, {
    ...said('memory.patch', 120),
    record: record(1),
    set: { priority: 2 },
    tags: { add: ['w'], remove: ['x'] },
  })
  write(
    bob,
    segment,
    { ...said('memory.patch', 130), record: record(1), set: { priority: 3 }, tags: { add: ['v'], remove: [] } },
    { ...said('memory.forget', 131), record: record(2) },
  )
  write(bob, own, { ...said('memory.put', 140), record: record(3), set: { content: body('three') } })
  exchange()
  write(alice, null, episode(150))
  write(alice, segment, {
    ...said('link.put', 160),
    record: record(50),
    from: record(1),
    to: record(2),
    relation: 'follows',
  })
  exchange()
  const [putOwn, ...others] = documentEvents(200, record(1), record(4))
  const next = [
    bob.seal(
      hlcAt(++ms),
      segment,
      others.filter((event) => event.kind !== 'link.put' && event.kind !== 'link.remove'),
    ),
    bob.seal(hlcAt(ms), own, [putOwn!, ...documentEvents(200, record(4), record(4)).slice(1, 3)]),
    bob.seal(hlcAt(ms), segment, [{ ...said('memory.patch', 210), record: record(1), set: { tier: 'short' } }], {
      deps: commits.slice(2, 3).map(({ hash }) => hash),
    }),
    bob.seal(hlcAt(ms), null, [episode(220), episode(221)]),
  ]
  return { mesh, alice, bob, segment, commits, next }
}
