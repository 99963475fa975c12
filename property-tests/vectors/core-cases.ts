/**
 * The byte vectors of the core: events, commits, the control log, documents, frontiers and tokens.
 *
 * Keys come of the seeds 01…, 02… and 03… (members) and aa… (the mesh's authority). `core.test.ts` reads the files as a
 * stranger would; `generate.ts` writes them.
 */
import {
  decodeCommit,
  decodeHeader,
  eventsRoot,
  sealCommit,
  withVotes,
  type Commit,
  type CommitHeader,
  type SealedEvent,
  type Vote,
} from '../../crdt/commit.ts'
import { emptyControl, enrolledAt, firstExcluded, levelAt, reduceControl, sealControl } from '../../crdt/control.ts'
import type { CutPage } from '../../crdt/cut.ts'
import { bodyRefs, encodeEvent, type Event } from '../../crdt/event.ts'
import { encodeToken, frontierDigest, type FrontierEntry, type Position } from '../../crdt/frontier.ts'
import { sha256Hex } from '../../crdt/hash.ts'
import {
  CONTROL_NAMESPACE,
  ZERO_HASH,
  bytesToHex,
  hexToBytes,
  segmentId,
  type ChainId,
  type CommitHash,
  type MeshId,
  type Namespace,
  type PeerId,
  type PublicKey,
} from '../../crdt/ids.ts'
import { limits } from '../../crdt/limits.ts'
import { pack } from '../../crdt/msgpack.ts'
import { keyPairFromSeed, publicKeyHex, sign } from '../../crdt/signature.ts'
import {
  NOW_MS,
  NS,
  body,
  createMesh,
  createReplica,
  cutting,
  eventId,
  founderOfSeed,
  genesisOf,
  hlcAt,
  meshOf,
  peerOfSeed,
  record,
  said,
  sealEvents,
  seed,
} from '../../crdt/test-support.ts'
import { signVote, voteBytes } from '../../crdt/vote.ts'
import { makeDocumentVectors } from './document-cases.ts'
import { recoveries, type RecoveryVectors } from './recovery-cases.ts'
import { makeRefusedEvents, type RefusedEvents } from './event-cases.ts'

export type EventVectors = {
  readonly valid: readonly {
    readonly kind: string
    readonly bytes: string
    readonly bodies: readonly { readonly field: string; readonly ref: string }[]
  }[]
  readonly refused: RefusedEvents
}
export type CommitVectors = {
  readonly commits: readonly {
    readonly name: string
    readonly seed: string
    readonly header: CommitHeader
    readonly events: readonly string[]
    readonly attestations: readonly (string | null)[]
    /** Of each attestation the key under which it verifies: no byte of the commit says it. */
    readonly attestation_keys: readonly (string | null)[]
    readonly header_bytes: string
    readonly hash: string
    readonly chain: string
    readonly signature: string
    readonly bytes: string
  }[]
  readonly refused: readonly { readonly name: string; readonly bytes: string; readonly reason: string }[]
  /** Well formed, but the signature is not one of the header's peer. */
  readonly not_signed: readonly { readonly name: string; readonly bytes: string }[]
}
export type ControlVectors = RecoveryVectors & {
  readonly mesh: string
  readonly chain: string
  readonly commits: readonly { readonly says: string; readonly bytes: string; readonly hash: string }[]
  readonly enrolled: readonly { readonly peer: string; readonly at: readonly boolean[] }[]
  /** The format level at each place, from 0. */
  readonly levels: readonly number[]
  /** After the control log's commit `after`, of a chain begun at place `begun_at`; null: all of it counts. */
  readonly first_excluded: readonly {
    readonly peer: string
    readonly chain: string
    readonly begun_at: number
    readonly after: number
    readonly seq: number | null
  }[]
  /** What a voter signs, by the seed of its key. */
  readonly votes: readonly {
    readonly seed: string
    readonly epoch: number
    readonly seq: number
    readonly hash: string
    readonly message: string
    readonly signature: string
  }[]
  /** A log in which voters of the seeds 01…, 02… and 03… founded a mesh. */
  readonly three: { readonly mesh: string; readonly commits: readonly string[] }
  /** What a log that holds `three` answers to each: a reason, or null where it is taken. */
  readonly next: readonly { readonly says: string; readonly bytes: string; readonly reason: string | null }[]
}
export type FrontierVectors = {
  readonly digests: readonly {
    readonly key: string
    readonly entries: readonly FrontierEntry[]
    readonly digest: string
  }[]
  readonly tokens: readonly { readonly mesh: string; readonly positions: readonly Position[]; readonly token: string }[]
}

const PEER = publicKeyHex(keyPairFromSeed(seed(1))) as PeerId
const OTHER = publicKeyHex(keyPairFromSeed(seed(2))) as PeerId
const CHAIN = 'cd'.repeat(16) as ChainId
const TIME = '2024-02-29T23:59:59.999Z'

// ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const EVENTS: readonly Event[] = [
  { ...said('memory.put', 1), record: record(1), set: { content: body('text') } },
  {
    ...said('memory.put', 2),
    record: record(1),
    tags: { add: ['a', 'é'], remove: [] },
    set: {
      content: body('text'),
      title: body('title'),
      metadata: body('{}'),
      kind: 'fact',
      tier: 'mid',
      priority: 5,
      confidence: 0.5,
      source: body('s'),
      scope: 's',
      run_id: 'r',
      occurred_at: TIME,
      expires_at: TIME,
    },
  },
  {
    ...said('memory.patch', 3),
    record: record(1),
    set: { title: null, priority: 9 },
    tags: { add: ['b'], remove: ['a'] },
  },
  { ...said('memory.forget', 4), record: record(1) },
  { ...said('memory.restore', 5), record: record(1) },
  { ...said('memory.erase', 6), record: record(1) },
  { ...said('link.put', 7), record: record(9), from: record(1), to: record(2), relation: 'about', valid_from: TIME },
  { ...said('link.remove', 8), record: record(9) },
  {
    ...said('episode.append', 9),
    event_type: 'call',
    sender: 'a',
    recipient: 'b',
    body: body('{}'),
    inference_receipt_id: 'i',
    audit_event_hash: 'h',
  },
  genesisOf(0xaa, {
    id: eventId(10),
    name: 'home',
    recovery: { threshold: 2, keys: [6, 7, 8].map((byte) => peerOfSeed(byte) as string as PublicKey) },
    members: [founderOfSeed(1), { ...founderOfSeed(2), role: 'observer' }],
  }),
  { ...said('mesh.level', 13, CONTROL_NAMESPACE), level: 2 },
  { ...said('peer.enrol', 11, CONTROL_NAMESPACE), peer: PEER, name: 'one', role: 'voter', invite: 'x' },
  ...cutting('peer.revoke', 12, PEER, { [CHAIN]: 7 }),
  { ...said('mesh.recover', 14, CONTROL_NAMESPACE), authority: peerOfSeed(6) as string as PublicKey },
  ...cutting('peer.leave_behind', 14, PEER, { [CHAIN]: 7, ['ef'.repeat(16) as ChainId]: 1 }),
]

const event = (): EventVectors => ({
  valid: EVENTS.map((each) => ({ kind: each.kind, bytes: bytesToHex(encodeEvent(each)), bodies: bodyRefs(each) })),
  refused: makeRefusedEvents(),
})

// ── commits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const commit = (): CommitVectors => {
  const keys = keyPairFromSeed(seed(1))
  const a = createReplica(createMesh(), 1)
  const header = (list: readonly SealedEvent[], fields: Partial<CommitHeader> = {}): CommitHeader => ({
    mesh: a.view.mesh,
    namespace: NS,
    peer: PEER,
    incarnation: a.incarnation,
    seq: 300,
    prev: sha256Hex('prev') as CommitHash,
    history: sha256Hex('history'),
    hlc: hlcAt(NOW_MS, 7),
    policy: sha256Hex('policy') as CommitHash,
    segment: segmentId(PEER, 1),
    deps: [],
    eventsRoot: eventsRoot(list),
    eventCount: list.length,
    changeHash: sha256Hex('change') as NonNullable<CommitHeader['changeHash']>,
    ...fields,
  })
  const [put, , patch, forget] = sealEvents(EVENTS) as [SealedEvent, SealedEvent, SealedEvent, SealedEvent]
  const episode = sealEvents([EVENTS[8]!])
  const agent = keyPairFromSeed(seed(5))
  const attested = [{ ...patch, attestation: sign('mnemesh/event/1', patch.bytes, agent) }]
  const deps = ['x', 'y', 'z'].map((text) => sha256Hex(text) as CommitHash).sort()
  const logOnly = { segment: null, deps: [], changeHash: null } as const
  const seal = (list: readonly SealedEvent[], fields: Partial<CommitHeader> = {}): Commit =>
    sealCommit(header(list, fields), list, keys)
  const good: readonly (readonly [string, Commit])[] = [
    [
      'the first of a chain, one event',
      seal([put], { seq: 1, prev: ZERO_HASH as CommitHash, history: bytesToHex(hexToBytes(sha256Hex(''))) }),
    ],
    ['three events, three deps', seal([put, patch, forget], { deps })],
    ['an attested event', seal(attested)],
    ['log only', seal(episode, logOnly)],
    ['the last seq', seal([forget], { seq: limits.seq_max })],
  ]
  const parts = good[0]![1]
  const raw = (headerBytes: Uint8Array): Uint8Array =>
    pack([headerBytes, [put.bytes], [null], sign('mnemesh/commit/1', headerBytes, keys), []])
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ['a byte too many', Uint8Array.from([...parts.bytes, 0])],
    ['a byte too few', parts.bytes.slice(0, -1)],
    ['deps out of order', seal([put], { deps: deps.toReversed() }).bytes],
    ['a dep twice', seal([put], { deps: [deps[0]!, deps[0]!] }).bytes],
    [
      '65 deps',
      seal([put], { deps: Array.from({ length: 65 }, (_, i) => sha256Hex(`${i}`) as CommitHash).sort() }).bytes,
    ],
    ['seq 0', seal([put], { seq: 0 }).bytes],
    ['seq 2^48 + 1', seal([put], { seq: limits.seq_max + 1 }).bytes],
    [
      'seq in a longer form',
      raw(
        replaceOnce(
          parts.headerBytes,
          [...hexToBytes(parts.header.incarnation), 1],
          [...hexToBytes(parts.header.incarnation), 0xcc, 1],
        ),
      ),
    ],
    ['version 2', raw(parts.headerBytes.with(1, 2))],
    ['an array header longer than needed', raw(Uint8Array.from([0xdc, 0, 15, ...parts.headerBytes.subarray(1)]))],
    ['another root', seal([put], { eventsRoot: sha256Hex('') }).bytes],
    ['a count that is not', seal([put], { eventCount: 2 }).bytes],
    ['an event twice', seal([put, put]).bytes],
    ['an event of another namespace', seal([put], { namespace: 'team/web' as Namespace }).bytes],
    ['a put in a foreign segment', seal([put], { segment: segmentId(OTHER, 0) }).bytes],
    ['an episode in a segment', seal(episode).bytes],
    ['a patch in the log alone', seal([patch], logOnly).bytes],
    ['a change without a segment', seal(episode, { segment: null }).bytes],
  ]
  return {
    commits: good.map(([name, each]) => ({
      name,
      seed: bytesToHex(seed(1)),
      header: each.header,
      events: each.events.map(({ bytes }) => bytesToHex(bytes)),
      attestations: each.events.map(({ attestation }) => attestation && bytesToHex(attestation)),
      attestation_keys: each.events.map(({ attestation }) => attestation && publicKeyHex(agent)),
      header_bytes: bytesToHex(each.headerBytes),
      hash: each.hash,
      chain: each.chain,
      signature: bytesToHex(each.signature),
      bytes: bytesToHex(each.bytes),
    })),
    refused: bad.map(([name, bytes]) => {
      const decoded = decodeCommit(bytes)
      if (decoded.ok) throw new Error(`${name} is a well-formed commit: mend the case`)
      return { name, bytes: bytesToHex(bytes), reason: decoded.reason }
    }),
    not_signed: [
      {
        name: 'signed by another member',
        bytes: bytesToHex(sealCommit(header([put]), [put], keyPairFromSeed(seed(2))).bytes),
      },
      {
        name: 'signed for another purpose',
        bytes: bytesToHex(
          pack([parts.headerBytes, [put.bytes], [null], sign('mnemesh/ack/1', parts.headerBytes, keys), []]),
        ),
      },
      {
        name: 'a bit of the time is another',
        bytes: bytesToHex(pack([flippedTime(parts.headerBytes), [put.bytes], [null], parts.signature, []])),
      },
    ],
  }
}

const replaceOnce = (bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array => {
  const at = bytes.findIndex((_, i) => from.every((byte, j) => bytes[i + j] === byte))
  return Uint8Array.from([...bytes.subarray(0, at), ...to, ...bytes.subarray(at + from.length)])
}
const flippedTime = (headerBytes: Uint8Array): Uint8Array => {
  const hlc = decodeHeader(headerBytes)!.hlc
  const written = [...pack(hlc)]
  return replaceOnce(headerBytes, written, [...written.slice(0, -1), written.at(-1)! ^ 1])
}

// ── the control log ─────────────────────────────────────────────────────────────────────────────────────────────────────

const UNNAMED = 'ef'.repeat(16) as ChainId
const control = (): ControlVectors => {
  const mesh = createMesh(0xaa, { name: 'home', members: [founderOfSeed(3)] })
  const enrol = (n: number, peer: PeerId): Event => ({
    ...said('peer.enrol', n, CONTROL_NAMESPACE),
    peer,
    name: `peer ${n}`,
    role: 'voter',
    invite: 'once',
  })
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [sha256Hex(`chain ${i}`).slice(0, 32), i + 1]),
  ) as CutPage
  const [revoke, ...pages] = cutting('peer.revoke', 0x20, PEER, { ...many, [CHAIN]: 7 })
  const [leave, left] = cutting('peer.leave_behind', 0x30, OTHER, { [CHAIN]: 4 })
  const steps: readonly (readonly [string, Event])[] = [
    ['enrol the first peer', enrol(2, PEER)],
    ['the same invite again: passed over', enrol(3, OTHER)],
    [
      'enrol the second peer',
      { ...said('peer.enrol', 4, CONTROL_NAMESPACE), peer: OTHER, name: 'peer 4', role: 'observer' },
    ],
    ['raise the level to 3', { ...said('mesh.level', 7, CONTROL_NAMESPACE), level: 3 }],
    ['to 2: passed over', { ...said('mesh.level', 8, CONTROL_NAMESPACE), level: 2 }],
    ['revoke the first peer: out, and all of it counts until the table is told', revoke!],
    ['the first page', pages[0]!],
    ['the third page: passed over', pages[2]!],
    ['the second page', pages[1]!],
    ['the first page again: passed over', pages[0]!],
    ['the third page: the table is whole', pages[2]!],
    ['revoke it again: passed over', cutting('peer.revoke', 6, PEER, {})[0]!],
    ['a page more: passed over', pages[1]!],
    ['the second peer leaves behind what is beyond 4', leave!],
    ['another page than the named: begins anew', cutting('peer.leave_behind', 0x40, OTHER, { [CHAIN]: 5 })[1]!],
    ['the page', left!],
  ]
  const commits = [
    { says: 'genesis: the peer of seed 03… founds it', made: mesh.control[0]! },
    ...steps.map(([says, each]) => ({ says, made: mesh.say(each) })),
  ]
  const state = createReplica(mesh, 1).control()
  const excluded = (peer: PeerId, chain: ChainId, begunAt: number, upto = commits.length) => {
    const { made } = commits[upto - 1]!
    const then = commits
      .slice(0, upto)
      .reduce((reduced, each) => reduceControl(reduced, each.made), emptyControl(mesh.id))
    const seq = firstExcluded(then, { id: chain, peer, begunAt })
    return { peer, chain, begun_at: begunAt, after: made.header.seq, seq: Number.isFinite(seq) ? seq : null }
  }
  const [whole, leaves] = [
    commits.findIndex(({ says }) => says.endsWith('is whole')) + 1,
    commits.findIndex(({ says }) => says.startsWith('the second peer leaves')) + 1,
  ]
  return {
    mesh: mesh.id,
    chain: commits[0]!.made.chain,
    commits: commits.map(({ says, made }) => ({ says, bytes: bytesToHex(made.bytes), hash: made.hash })),
    enrolled: [PEER, OTHER, peerOfSeed(3)].map((peer) => ({
      peer,
      at: [0, ...commits.map((_, i) => i + 1)].map((seq) => enrolledAt(state, peer, seq)),
    })),
    levels: [0, ...commits.map((_, i) => i + 1)].map((seq) => levelAt(state, seq)),
    first_excluded: [
      excluded(PEER, CHAIN, 2),
      excluded(PEER, UNNAMED, 2),
      excluded(PEER, Object.keys(many).sort()[200] as ChainId, 2),
      excluded(PEER, CHAIN, 2, whole - 1),
      excluded(PEER, CHAIN, 2, whole),
      excluded(OTHER, CHAIN, 4),
      excluded(OTHER, UNNAMED, 4),
      excluded(OTHER, UNNAMED, leaves),
      excluded(OTHER, UNNAMED, leaves - 1),
      excluded(OTHER, CHAIN, 4, commits.length - 1),
    ],
    ...votes(),
    ...recoveries(),
  }
}

const votes = (): Pick<ControlVectors, 'votes' | 'three' | 'next'> => {
  const mesh = meshOf(1, 2, 3)
  mesh.say({ ...said('peer.enrol', 9, CONTROL_NAMESPACE), ...founderOfSeed(5), role: 'observer' })
  const chain = createReplica(mesh, 1).chains.get(mesh.control[0]!.chain)!
  const sealed = (n: number, by = mesh.keys): Commit =>
    sealControl(
      chain,
      [{ ...said('peer.enrol', n, CONTROL_NAMESPACE), ...founderOfSeed(6) }],
      hlcAt(NOW_MS, 500 + n),
      by,
    )
  const vote = (commit: Commit, byte: number): Vote => signVote(commit, keyPairFromSeed(seed(byte)))
  const by = (commit: Commit, ...bytes: readonly number[]): Commit =>
    withVotes(
      commit,
      bytes.map((byte) => vote(commit, byte)),
    )
  const [one, other, foreign] = [sealed(10), sealed(11), sealed(10, keyPairFromSeed(seed(1)))]
  const [first, second] = by(one, 1, 2).votes as readonly [Vote, Vote]
  const cases: readonly (readonly [string, Commit, string | null])[] = [
    ['nobody has voted', one, 'control_not_certified'],
    ['one of three', by(one, 1), 'control_not_certified'],
    ['one and an observer', by(one, 1, 5), 'control_not_certified'],
    ['two, and an observer', by(one, 1, 2, 5), 'control_not_certified'],
    ['two, and a stranger', by(one, 1, 2, 9), 'control_not_certified'],
    ['votes for another statement of that place', withVotes(one, by(other, 1, 2).votes), 'control_not_certified'],
    [
      "each under the other's name",
      withVotes(one, [
        { ...first, voter: second.voter },
        { ...second, voter: first.voter },
      ]),
      'control_not_certified',
    ],
    ['all voters, and not the authority', by(foreign, 1, 2, 3), 'control_not_by_the_authority'],
    ['two of three', by(one, 1, 2), null],
    ['all three', by(one, 1, 2, 3), null],
  ]
  return {
    votes: [1, 2].map((byte) => ({
      seed: bytesToHex(seed(byte)),
      epoch: 0,
      seq: one.header.seq,
      hash: one.hash,
      message: bytesToHex(voteBytes(one)),
      signature: bytesToHex(vote(one, byte).signature),
    })),
    three: { mesh: mesh.id, commits: mesh.control.map(({ bytes }) => bytesToHex(bytes)) },
    next: cases.map(([says, made, reason]) => ({ says, bytes: bytesToHex(made.bytes), reason })),
  }
}

// ── frontiers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const frontier = (): FrontierVectors => {
  const entries = [3, 1, 2].map((n): FrontierEntry => ({
    chain: sha256Hex(`chain ${n}`).slice(0, 32) as ChainId,
    seq: 10 ** (4 * n),
    hash: sha256Hex(`hash ${n}`) as CommitHash,
  }))
  const many = Array.from({ length: 40 }, (_, n): FrontierEntry => ({
    chain: `${n % 2 === 0 ? 'abc' : ''}${sha256Hex(`chain ${n}`)}`.slice(0, 32) as ChainId,
    seq: n + 1,
    hash: sha256Hex(`hash ${n}`) as CommitHash,
  }))
  const mesh = createMesh().id
  const positions = entries.map(({ chain, seq }) => ({ chain, seq }))
  const digest = (key: string, some: readonly FrontierEntry[]) => ({
    key,
    entries: some,
    digest: bytesToHex(frontierDigest(some, hexToBytes(key))),
  })
  const token = (of: MeshId, some: readonly Position[]) => ({ mesh: of, positions: some, token: encodeToken(of, some) })
  return {
    digests: [
      digest('', []),
      digest('', entries),
      digest('', many),
      digest('', many.slice(0, limits.frontier_leaf_entries_max)),
      digest('00'.repeat(32), entries),
      digest('', [...entries, { chain: CHAIN, seq: 0, hash: ZERO_HASH as CommitHash }]),
    ],
    tokens: [token(mesh, []), token(mesh, positions.slice(0, 1)), token(mesh, positions)],
  }
}

/** By file name, without `.json`. */
export const makeCoreVectors = () => ({
  event: event(),
  commit: commit(),
  control: control(),
  document: makeDocumentVectors(),
  frontier: frontier(),
})
