/** What comes over a socket of the mesh, one frame at a time: messages, handshake frames, sealed frames. */
import { signAck } from '../../../crdt/ack.ts'
import { makeBody } from '../../../crdt/body.ts'
import { sha256 } from '../../../crdt/hash.ts'
import { bytesToHex, type ChainId, type CommitHash, type MeshId, type PeerId, type Ref } from '../../../crdt/ids.ts'
import { limits } from '../../../crdt/limits.ts'
import { equalBytes, pack } from '../../../crdt/msgpack.ts'
import { createOpener, createSealer, STREAM_HEADER_BYTES } from '../../../crdt/secret-stream.ts'
import { keyPairFromSeed, publicKeyHex } from '../../../crdt/signature.ts'
import { signAddress } from '../../../transports/addresses.ts'
import { decode } from '../../../transports/decode.ts'
import { acceptHandshake, dialHandshake } from '../../../transports/handshake.ts'
import { encode, TAGS, type Message } from '../../../transports/messages.ts'
import { createNonces } from '../../../transports/nonces.ts'
import { zlibCompression } from '../../../transports/websocket.ts'
import type { Draw } from '../draw.ts'
import { unpackLoose } from '../loose.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { exoticFrame } from '../exotic.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { makeHistory } from '../samples.ts'
import { ACCEPTED, judge, mutant, refused, type Target, type Verdict } from '../target.ts'

const [dialer, acceptor, third] = ['dialer', 'acceptor', 'third'].map((name) =>
  keyPairFromSeed(sha256('fuzz', name)),
) as [Keys, Keys, Keys]
type Keys = ReturnType<typeof keyPairFromSeed>
const mesh = publicKeyHex(third) as MeshId
const peer = publicKeyHex(dialer) as PeerId
const chain = (n: number): ChainId => bytesToHex(sha256('chain', String(n)).subarray(0, 16)) as ChainId
const hash = (n: number): CommitHash => bytesToHex(sha256('hash', String(n))) as CommitHash

/** One of each, with what a real one would carry. */
export const sampleMessages = (): readonly Message[] => {
  const { commits } = makeHistory()
  const bodies = [1, 2, 3].map((n) => makeBody(sha256('salt', String(n)).slice(0, 16), sha256('text', String(n))))
  const runs = [
    { chain: chain(1), from: 1, count: 3 },
    { chain: chain(2), from: 7, count: 1 },
    { chain: chain(1), from: 4, count: 2 },
    { chain: chain(1), from: 90, count: 1 },
  ]
  const refs = [1, 2, 3].map((n) => hash(n) as string as Ref)
  const digest = sha256('digest').slice(0, 16)
  return [
    { type: 'control', seq: 4 },
    {
      type: 'open',
      epoch: 'ab'.repeat(16),
      arrivals: 12,
      digest,
      addresses: new Uint8Array(8),
      clock: 1_700_000_000_000,
    },
    { type: 'ping', id: 1, arrivals: 12, digest },
    { type: 'pong', id: 1, arrivals: 12, digest, clock: 1_700_000_000_000 },
    { type: 'since', cursor: 3 },
    { type: 'runs', runs, cursor: 9, end: true, digest },
    { type: 'frontier_ask', prefixes: ['', '0', chain(1)] },
    {
      type: 'frontier',
      nodes: [
        { prefix: '', kind: 'node', digests: new Uint8Array(128).fill(3) },
        { prefix: '0', kind: 'leaf', entries: [1, 2, 3].map((n) => ({ chain: chain(n), seq: n, hash: hash(n) })) },
      ],
      arrivals: 3,
    },
    { type: 'have', cursor: 5 },
    { type: 'want', runs },
    { type: 'absent', chain: chain(1), from: 3 },
    {
      type: 'parcels',
      chain: commits[0]!.chain,
      parcels: commits
        .slice(0, 2)
        .map((commit, i) => ({ chain: commit.chain, seq: i + 1, bytes: commit.bytes, bodies: bodies.slice(0, i + 1) })),
    },
    { type: 'want_bodies', refs },
    { type: 'bodies', bodies },
    { type: 'absent_bodies', refs },
    { type: 'dropped_bodies', refs },
    { type: 'credit', bytes: 65_536 },
    {
      type: 'ack',
      ack: signAck(
        { mesh, voter: peer, watermarks: [{ chain: chain(1), seq: 3, hash: hash(1), whole: true }] },
        dialer,
      ),
    },
    { type: 'want_acks', chains: [chain(1), chain(2)] },
    { type: 'forks', proofs: [commits[0]!.bytes, new Uint8Array(3)] },
    { type: 'want_headers', hashes: [hash(1), hash(2)] },
    { type: 'headers', headers: commits.slice(0, 2).map(({ headerBytes }) => headerBytes) },
    { type: 'propose', commit: commits[0]!.bytes },
    { type: 'vote', vote: { epoch: 0, seq: 4, hash: hash(1), signature: random('vote') } },
    {
      type: 'refused',
      refused: [
        { chain: chain(1), seq: 3, hash: hash(1), reason: 'header_malformed' },
        { chain: chain(2), seq: 1, hash: hash(2), reason: 'forked' },
      ],
    },
    {
      type: 'addresses',
      records: [signAddress(mesh, { peer, atMs: 1_700_000_000_000, urls: ['ws://127.0.0.1:7701/mesh'] }, dialer)],
    },
  ]
}

const message: Target = {
  name: 'message',
  micros: 60,
  open: () => {
    const samples = sampleMessages().map(encode)
    return {
      make: (draw) => pack([draw.below(STANDINGS.length), madeFrame(draw, samples)]),
      feed: (input) => {
        const [at, frame] = unpackLoose(input) as readonly [number, Uint8Array]
        const from = STANDINGS[at]!
        const before = process.cpuUsage()
        const decoded = decode(frame, { from, controlChain: chain(1), compression: zlibCompression })
        const { user, system } = process.cpuUsage(before)
        judge(user + system < STALL_MICROS, 'a frame that takes too long to read')
        if (!decoded.ok) return refused(decoded.reason)
        judge(isBounded(decoded.message), 'more than the limits allow')
        judge(
          from === 'open' ||
            (frame[1] !== TAGS.deflated &&
              EARLY.has(decoded.message.type) &&
              frame.length <= limits.parcel_frame_bytes_target + 2 * limits.fork_proof_bytes_max),
          'taken before its time',
        )
        const again = decode(encode(decoded.message), { from: 'open', controlChain: chain(1), compression: null })
        judge(again.ok && sameMessage(again.message, decoded.message), 'written again it says something else')
        return ACCEPTED
      },
    }
  },
}

/** Who may have sent it. */
const STANDINGS = ['stranger', 'member', 'open', 'open', 'open'] as const
const EARLY: ReadonlySet<Message['type']> = new Set<Message['type']>([
  'control',
  'open',
  'ping',
  'pong',
  'credit',
  'want',
  'absent',
  'parcels',
  'forks',
])
/** Of processor time; the largest honest frames take some 10 ms. */
const STALL_MICROS = 250_000

const madeFrame = (draw: Draw, samples: readonly Uint8Array[]): Uint8Array => {
  const frame = draw.chance(12) ? exoticFrame(draw, TAG_LIST) : mutant(draw, samples, mutatePacked)
  return draw.chance(10) ? deflated(draw, frame) : frame
}
const TAG_LIST = Object.values(TAGS)

const deflated = (draw: Draw, frame: Uint8Array): Uint8Array => {
  const inner = draw.chance(50)
    ? new Uint8Array(draw.pick([limits.frame_bytes_max, limits.frame_bytes_max + 1]))
    : frame
  const deflatedBytes = zlibCompression.deflate(inner)
  return pack([
    TAGS.deflated,
    draw.chance(4) ? draw.pick([0, 1, inner.length + 1, limits.frame_bytes_max]) : inner.length,
    draw.chance(4) ? mutateBytes(draw, deflatedBytes, frame) : deflatedBytes,
  ])
}

const isBounded = (m: Message): boolean => {
  switch (m.type) {
    case 'runs':
      return m.runs.length <= limits.log_page_arrivals_max
    case 'want':
      return (
        m.runs.length <= limits.want_runs_max &&
        m.runs.every((run) => run.from >= 1 && run.count >= 1 && run.from + run.count - 1 <= limits.seq_max)
      )
    case 'frontier':
      return (
        m.nodes.length <= limits.frontier_nodes_per_frame_max &&
        m.nodes.every(
          (node) =>
            node.prefix.length <= 32 &&
            (node.kind === 'node'
              ? node.digests.length === 128
              : node.entries.length <= limits.frontier_leaf_entries_max),
        )
      )
    case 'parcels':
      return (
        m.parcels.length > 0 &&
        m.parcels.every(
          (parcel, i) => parcel.seq === m.parcels[0]!.seq + i && parcel.bytes.length <= limits.commit_bytes_max,
        )
      )
    case 'bodies':
      return (
        m.bodies.length <= limits.want_bodies_max &&
        m.bodies.every(({ text }) => text.length <= limits.content_bytes_max)
      )
    case 'want_bodies':
    case 'absent_bodies':
    case 'dropped_bodies':
      return m.refs.length <= limits.want_bodies_max
    case 'credit':
      return m.bytes >= 1 && m.bytes <= limits.credit_bytes_initial
    case 'forks':
      return (
        m.proofs.length <= limits.forks_per_frame_max &&
        m.proofs.every(({ length }) => length <= limits.fork_proof_bytes_max)
      )
    case 'want_headers':
      return m.hashes.length <= limits.want_headers_max
    case 'headers':
      return (
        m.headers.length <= limits.want_headers_max &&
        m.headers.every(({ length }) => length <= limits.header_bytes_max)
      )
    case 'propose':
      return m.commit.length <= limits.proposal_bytes_max
    case 'vote':
      return m.vote.seq >= 1 && m.vote.seq <= limits.seq_max && m.vote.signature.length === 64
    case 'refused':
      return (
        m.refused.length <= limits.refusals_per_frame_max &&
        m.refused.every(({ reason }) => /^[a-z][a-z0-9_]{0,47}$/.test(reason))
      )
    case 'addresses':
      return m.records.length <= limits.addresses_per_frame_max
    default:
      return true
  }
}

const sameMessage = (a: Message, b: Message): boolean => {
  // Runs that touch may come back joined; what they cover is what counts.
  const runsOf = (m: Message): string =>
    'runs' in m ? m.runs.map((run) => `${run.chain} ${run.from}+${run.count}`).join() : ''
  return a.type === b.type && runsOf(a) === runsOf(b) && equalBytes(encode(a), encode(b))
}

const random = (name: string): Uint8Array => new Uint8Array([...sha256('random 1', name), ...sha256('random 2', name)])
const NOW_MS = 1_700_000_000_000

/** The frames of one honest handshake. Both machines are functions of constants, so every run of them says the same. */
const dial = () =>
  dialHandshake({
    mesh,
    self: dialer,
    nonces: createNonces(4, 1_000),
    random: random('dialer'),
    nowMs: NOW_MS,
    audience: publicKeyHex(acceptor) as PeerId,
  })
const accept = () =>
  acceptHandshake({ mesh, self: acceptor, nonces: createNonces(4, 1_000), random: random('acceptor'), nowMs: NOW_MS })
const honestFrames = (): readonly [hello: Uint8Array, answer: Uint8Array, proof: Uint8Array] => {
  const [ours, theirs] = [dial(), accept()]
  const hello = ours.first!
  const answer = theirs.receive(hello, NOW_MS)
  const proof = answer.kind === 'wait' ? ours.receive(answer.send, NOW_MS) : answer
  if (answer.kind !== 'wait' || proof.kind !== 'done' || proof.send === null)
    throw new Error('an honest handshake failed')
  return [hello, answer.send, proof.send]
}

/** One frame of three is another than the honest one: neither side may then believe to know the other. */
const handshake: Target = {
  name: 'handshake',
  micros: 350,
  open: () => {
    const frames = honestFrames()
    return {
      make: (draw) =>
        pack([draw.below(3), mutant(draw, frames, (one, sample) => mutateBytes(one, sample, one.pick(frames)))]),
      feed: (input) => {
        const [place, frame] = unpackLoose(input) as readonly [number, Uint8Array]
        const isHonest = equalBytes(frame, frames[place]!)
        const step =
          place === 1
            ? dial().receive(frame, NOW_MS)
            : toAcceptor(place === 0 ? [frame, frames[2]] : [frames[0], frame])
        judge(
          (step.kind === 'done') === isHonest,
          isHonest ? 'an honest frame is refused' : 'authenticated on a frame that nobody sent',
        )
        return step.kind === 'done' ? ACCEPTED : refused(step.kind === 'refused' ? step.reason : step.kind)
      },
    }
  },
}

const toAcceptor = ([first, second]: readonly [Uint8Array, Uint8Array]) => {
  const machine = accept()
  const step = machine.receive(first, NOW_MS)
  return step.kind === 'wait' ? machine.receive(second, NOW_MS) : step
}

const SEALED = 4
const sealedFrame: Target = {
  name: 'sealed frame',
  micros: 30,
  open: () => {
    const [key, header] = [sha256('key'), sha256('header').slice(0, STREAM_HEADER_BYTES)]
    const seal = createSealer(key, header)
    const contents = Array.from({ length: SEALED }, (_, n) => sha256('content', String(n)))
    const frames = contents.map(seal)
    const feed = (input: Uint8Array): Verdict => {
      const open = createOpener(key, header)
      judge(equalBytes(open(frames[0]!) ?? new Uint8Array(), contents[0]!), 'an honest frame does not open')
      const content = open(input)
      judge((content !== null) === equalBytes(input, frames[1]!), 'a frame that is not the very next one opens')
      return content === null ? refused('seal_broken') : ACCEPTED
    }
    return { make: (draw) => mutant(draw, frames, (one, sample) => mutateBytes(one, sample, one.pick(frames))), feed }
  },
}

export const frameTargets: readonly Target[] = [message, handshake, sealedFrame]
