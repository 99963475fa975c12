/** Vectors of frames: one of each tag as it is before it is sealed, and some that must be refused, each by one change of a good one. */
import { signAck } from '../../crdt/ack.ts'
import { makeBody } from '../../crdt/body.ts'
import {
  bytesToHex,
  hexToBytes,
  type ChainId,
  type CommitHash,
  type MeshId,
  type PeerId,
  type Ref,
} from '../../crdt/ids.ts'
import { pack, unpack, type Packable } from '../../crdt/msgpack.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { decode } from '../../transports/decode.ts'
import { encode, TAGS, type Message } from '../../transports/messages.ts'

export type FrameVectors = {
  /** `fields`: what the frame's array holds behind its tag; a bin as hex behind `bin:`. */
  readonly frames: readonly {
    readonly rule: string
    readonly tag: number
    readonly type: string
    readonly fields: unknown
    readonly bytes: string
  }[]
  /** On an open link. */
  readonly refused: readonly {
    readonly rule: string
    readonly name: string
    readonly bytes: string
    readonly reason: string
    readonly mended: string
  }[]
}

const filled = (count: number, byte: number): Uint8Array => new Uint8Array(count).fill(byte)
const id = <Id extends string>(count: number, byte: number): Id => bytesToHex(filled(count, byte)) as Id
const CHAIN = id<ChainId>(16, 0xc1)
const [HASH, DIGEST] = [id<CommitHash>(32, 0xa1), filled(16, 0xd1)]
const TEXT = makeBody(filled(16, 0x51), new TextEncoder().encode('text'))
const VOTER = keyPairFromSeed(filled(32, 1))
const runs = [
  { chain: CHAIN, from: 1, count: 2 },
  { chain: id<ChainId>(16, 0xc2), from: 9, count: 1 },
  { chain: CHAIN, from: 3, count: 300 },
]

const MESSAGES: readonly Message[] = [
  { type: 'control', seq: 0 },
  {
    type: 'open',
    epoch: id(16, 0xe1),
    arrivals: 65_536,
    digest: DIGEST,
    addresses: filled(8, 0xad),
    clock: 1_700_000_000_000,
  },
  { type: 'ping', id: 7, arrivals: 1, digest: filled(16, 0) },
  { type: 'pong', id: 7, arrivals: 1, digest: DIGEST, clock: 1_700_000_000_001 },
  { type: 'since', cursor: 4_096 },
  { type: 'runs', runs, cursor: 303, end: true, digest: DIGEST },
  { type: 'frontier_ask', prefixes: ['', '0a', CHAIN] },
  {
    type: 'frontier',
    nodes: [
      { prefix: '', kind: 'node', digests: filled(128, 0xd1) },
      { prefix: '0a', kind: 'leaf', entries: [{ chain: CHAIN, seq: 302, hash: HASH }] },
      { prefix: CHAIN, kind: 'leaf', entries: [] },
    ],
    arrivals: 303,
  },
  { type: 'have', cursor: 303 },
  { type: 'want', runs },
  { type: 'absent', chain: CHAIN, from: 3 },
  {
    type: 'parcels',
    chain: CHAIN,
    parcels: [
      { chain: CHAIN, seq: 1, bytes: filled(3, 0xb1), bodies: [TEXT] },
      { chain: CHAIN, seq: 2, bytes: filled(2, 0xb2), bodies: [] },
    ],
  },
  { type: 'want_bodies', refs: [id<Ref>(32, 0x11), id<Ref>(32, 0x12)] },
  { type: 'bodies', bodies: [TEXT] },
  { type: 'absent_bodies', refs: [] },
  { type: 'dropped_bodies', refs: [id<Ref>(32, 0x13)] },
  { type: 'credit', bytes: 524_288 },
  {
    type: 'ack',
    ack: signAck(
      {
        mesh: id<MeshId>(32, 3),
        voter: publicKeyHex(VOTER) as PeerId,
        watermarks: [{ chain: CHAIN, seq: 302, hash: HASH, whole: true }],
      },
      VOTER,
    ),
  },
  { type: 'addresses', records: [filled(5, 0x99)] },
  { type: 'forks', proofs: [filled(4, 0x77)] },
  { type: 'want_headers', hashes: [HASH] },
  { type: 'headers', headers: [filled(6, 0x66)] },
  { type: 'want_acks', chains: [CHAIN] },
  { type: 'propose', commit: filled(7, 0x55) },
  { type: 'vote', vote: { epoch: 0, seq: 4, hash: HASH, signature: filled(64, 0x44) } },
  {
    type: 'refused',
    refused: [
      { chain: CHAIN, seq: 3, hash: HASH, reason: 'hlc_not_after' },
      { chain: CHAIN, seq: 4, hash: id<CommitHash>(32, 0), reason: 'header_malformed' },
    ],
  },
  { type: 'line', place: 7, head: HASH, others: [id<CommitHash>(32, 0xa2)] },
  { type: 'want_line', head: HASH, known: [id<CommitHash>(32, 0xa3), id<CommitHash>(32, 0xa4)] },
  { type: 'statements', commits: [filled(7, 0x55), filled(3, 0x56)] },
]

export const readFrame = (bytes: Uint8Array): ReturnType<typeof decode> =>
  decode(bytes, { from: 'open', controlChain: CHAIN, compression: null })

/** JSON of packed values. */
export const shown = (value: Packable): unknown =>
  value instanceof Uint8Array
    ? `bin:${bytesToHex(value)}`
    : Array.isArray(value)
      ? (value as readonly Packable[]).map(shown)
      : value

export const makeFrameVectors = (): FrameVectors => {
  const frames = MESSAGES.map((message) => {
    const bytes = encode(message)
    const [tag, ...fields] = unpack(bytes) as readonly Packable[]
    return { rule: 'SE4', tag: tag as number, type: message.type, fields: fields.map(shown), bytes: bytesToHex(bytes) }
  })
  const good = (tag: number): Packable[] =>
    unpack(hexToBytes(frames.find((frame) => frame.tag === tag)!.bytes)) as Packable[]
  const changed = (rule: string, name: string, tag: number, change: (fields: Packable[]) => Packable) => ({
    rule,
    name,
    bytes: pack(change(good(tag))),
    mended: pack(good(tag)),
  })
  const longer = (tag: number): Uint8Array => Uint8Array.from([...pack(good(tag)), 0])
  const cases = [
    changed('SE4', 'a tag of nobody', TAGS.since, (fields) => fields.with(0, 99)),
    changed('SE4', 'a field too many', TAGS.since, (fields) => [...fields, 1]),
    changed('SE4', 'a field too few', TAGS.since, (fields) => fields.slice(0, -1)),
    { rule: 'SE4', name: 'a byte too many', bytes: longer(TAGS.since), mended: pack(good(TAGS.since)) },
    {
      rule: 'SE4',
      name: 'an integer in a longer form',
      bytes: Uint8Array.of(0x92, 5, 0xcc, 1),
      mended: Uint8Array.of(0x92, 5, 1),
    },
    changed('SE4', 'an integer for a boolean', TAGS.runs, (fields) => fields.with(4, 1)),
    changed('SE4', 'a digit of 16', TAGS.frontier_ask, (fields) => fields.with(1, [Uint8Array.of(0, 16)])),
    changed('SE4', 'digests of 15 subtrees', TAGS.frontier, (fields) =>
      fields.with(1, (fields[1] as Packable[]).with(2, filled(120, 0xd1))),
    ),
    changed('SE4', 'a digest of 15 bytes', TAGS.ping, (fields) => fields.with(3, filled(15, 0))),
    changed('SE4', 'refs of 31 bytes', TAGS.want_bodies, (fields) => fields.with(1, filled(31, 0))),
    changed('SE4', 'an order that names no chain of the table', TAGS.want, (fields) =>
      fields.with(2, [0, 2, 2, 1, 0, 300]),
    ),
    changed('SE4', 'half a pair', TAGS.want, (fields) => fields.with(2, [0, 2, 1, 1, 0])),
    changed('SE4', 'a run of none', TAGS.want, (fields) => fields.with(2, [0, 2, 1, 1, 0, 0])),
    changed('SE5', 'more credit than there ever was', TAGS.credit, (fields) => fields.with(1, 2 ** 40)),
    changed('SE5', 'a count of bodies that the frame does not have', TAGS.parcels, (fields) =>
      fields.with(3, [filled(3, 0xb1), 2, filled(20, 0)]),
    ),
    changed('SE4', 'a reason that is no name', TAGS.refused, (fields) =>
      fields.with(1, [...(fields[1] as Packable[]).slice(0, 3), 'Not a name']),
    ),
    changed('AE16', 'dropped refs of 33 bytes', TAGS.dropped_bodies, (fields) => fields.with(1, filled(33, 0x13))),
    changed('MB6', 'more lines than are told', TAGS.line, (fields) => fields.with(3, filled(32 * 9, 0xa2))),
    changed('MB7', 'more statements named than a question has', TAGS.want_line, (fields) =>
      fields.with(2, filled(32 * 57, 0xa3)),
    ),
    changed('RF3', 'a refusal of nothing', TAGS.refused, (fields) => fields.with(1, [])),
    changed('ACK5', 'an ack of nothing', TAGS.ack, (fields) => fields.with(2, [])),
    changed('ACK5', 'a chain twice in an ack', TAGS.ack, (fields) =>
      fields.with(2, [...(fields[2] as Packable[]), ...(fields[2] as Packable[])]),
    ),
  ]
  return {
    frames,
    refused: cases.map(({ rule, name, bytes, mended }) => {
      const decoded = readFrame(bytes)
      if (decoded.ok || !readFrame(mended).ok)
        throw new Error(`${name}: it is taken, or its good twin is not; mend the case`)
      return { rule, name, bytes: bytesToHex(bytes), reason: decoded.reason, mended: bytesToHex(mended) }
    }),
  }
}
