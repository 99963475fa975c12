/**
 * A whole session under fuzz: a member that has authenticated and opened its link, on the network in memory, says what it
 * likes to a real peer, while two honest peers are linked.
 *
 * What must hold: the attacked peer's log is as before, its link to the honest peer is up and its writes come through, and the
 * attacker's link is either well or closed by a reason of the protocol.
 */
import { signAck } from '../../../crdt/ack.ts'
import type { PeerId } from '../../../crdt/ids.ts'
import { limits } from '../../../crdt/limits.ts'
import { pack } from '../../../crdt/msgpack.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../../crdt/signature.ts'
import { ALICE, NS } from '../../../crdt/test-support.ts'
import { createRandom } from '../../../src/testing/random.ts'
import { createWorld, type World } from '../../../src/testing/world.ts'
import { signAddress } from '../../../transports/addresses.ts'
import { encode, type Message } from '../../../transports/messages.ts'
import { createNonces } from '../../../transports/nonces.ts'
import { openSession, type Session } from '../../../transports/session.ts'
import type { Draw } from '../draw.ts'
import { unpackLoose } from '../loose.ts'
import { mutatePacked } from '../mutate-packed.ts'
import { sampleMessages } from './frames.ts'
import { ACCEPTED, judge, mutant, refused, type Target } from '../target.ts'

const SEED = 20_260_101
const ATTACKER = 2
/** Every so many inputs the honest peers write, and must converge. */
const WRITE_EVERY = 10
const FRAMES_MAX = 6
/** Virtual time for what the frames set off; waits of the protocol are longer only where it waits for an answer. */
const AFTERMATH_MS = 60

const session: Target = {
  name: 'session',
  micros: 12_000,
  inputsPerOpening: 50,
  open: async () => {
    const world = await createWorld({ peers: 3, seed: SEED })
    await world.run(world.peer(1).node.remember(NS, { content: 'before' }, { agent: ALICE }))
    await world.stop(ATTACKER)
    const keys = keysOf(ATTACKER)
    const samples = samplesFor(world, keys).map(encode)
    let fed = 0
    return {
      make: (draw) => conversation(draw, samples),
      feed: async (input) => {
        const frames = framesOf(input)
        const before = frontierOf(world)
        const attacker = dial(world, keys, fed)
        await world.run(() => attacker.authenticated() || attacker.closed() !== null, 5_000)
        judge(attacker.authenticated(), `an honest handshake was refused: ${attacker.closed()}`)
        for (const message of opening(world)) attacker.say(encode(message))
        for (const frame of frames) attacker.say(frame)
        const untilMs = world.time.now() + AFTERMATH_MS
        await world.run(() => world.time.now() >= untilMs, 2 * AFTERMATH_MS)
        const closed = attacker.closed()
        judge(closed !== 'lost', 'the link ended without a reason of the protocol')
        judge(frontierOf(world) === before, 'what nobody signed changed the log')
        attacker.end()
        await world.run(() => attacker.closed() !== null, 5_000)
        judge(
          world
            .peer(0)
            .mesh.links()
            .some(({ peer, state }) => peer === idOf(1) && state === 'up'),
          'the honest link went down',
        )
        if (++fed % WRITE_EVERY === 0) await writeAndConverge(world, fed)
        return closed === null ? ACCEPTED : refused(closed)
      },
      close: () => world.stopAll(),
    }
  },
}

/** The world draws its keys in this order: the authority's, then each peer's. */
const keysOf = (peer: number): KeyPair => {
  const random = createRandom(SEED)
  for (let skipped = 0; skipped <= peer; skipped++) random.bytes(32)
  return keyPairFromSeed(random.bytes(32))
}
const idOf = (peer: number): PeerId => publicKeyHex(keysOf(peer)) as PeerId

const frontierOf = (world: World): string =>
  [...world.peer(0).replica.index.chains.values()]
    .map(({ id, seq, hash }) => `${id} ${seq} ${hash}`)
    .sort()
    .join('\n')

const writeAndConverge = async (world: World, n: number): Promise<void> => {
  await world.run(world.peer(1).node.remember(NS, { content: `honest ${n}` }, { agent: ALICE }))
  const arrivals = (peer: number): number =>
    [...world.peer(peer).replica.index.chains.values()].reduce((sum, { seq }) => sum + seq, 0)
  await world.run(() => arrivals(0) === arrivals(1), 10_000)
}

/** What an honest member says first. */
const opening = (world: World): readonly Message[] => {
  const { index } = world.peer(0).replica
  const control = Math.max(
    ...[...index.chains.values()].filter(({ namespace }) => namespace === '_mesh').map(({ seq }) => seq),
  )
  return [
    { type: 'control', seq: control },
    {
      type: 'open',
      epoch: 'cd'.repeat(16),
      arrivals: 0,
      digest: new Uint8Array(16),
      addresses: new Uint8Array(8),
      clock: 1_700_000_000_000,
    },
  ]
}

/** Of each kind one, with chains, commits and signatures of this very mesh where it carries any. */
const samplesFor = (world: World, keys: KeyPair): readonly Message[] => {
  const { index } = world.peer(0).replica
  const peer = publicKeyHex(keys) as PeerId
  const chains = [...index.chains.values()]
  const parcels = [...world.disks[0]!.commitByPlace.values()].map(({ commit: { chain, seq, bytes } }) => ({
    chain,
    seq,
    bytes,
    bodies: [],
  }))
  return [
    ...sampleMessages(),
    {
      type: 'frontier',
      nodes: [
        {
          prefix: '',
          kind: 'leaf',
          entries: chains
            .slice(0, limits.frontier_leaf_entries_max)
            .map(({ id, seq, hash }) => ({ chain: id, seq: seq + 1, hash })),
        },
      ],
      arrivals: 9,
    },
    { type: 'want', runs: chains.map(({ id, seq }) => ({ chain: id, from: 1, count: seq })) },
    {
      type: 'runs',
      runs: chains.map(({ id, seq }) => ({ chain: id, from: seq + 1, count: 3 })),
      cursor: 12,
      end: false,
      digest: new Uint8Array(16),
    },
    ...parcels.map((parcel): Message => ({ type: 'parcels', chain: parcel.chain, parcels: [parcel] })),
    {
      type: 'ack',
      ack: signAck(
        {
          mesh: index.mesh,
          voter: peer,
          watermarks: chains.map(({ id, seq, hash }) => ({ chain: id, seq, hash, whole: true })),
        },
        keys,
      ),
    },
    {
      type: 'addresses',
      records: [signAddress(index.mesh, { peer, atMs: 1_767_225_600_000, urls: ['ws://attacker:1/mesh'] }, keys)],
    },
  ]
}

const conversation = (draw: Draw, samples: readonly Uint8Array[]): Uint8Array =>
  pack(Array.from({ length: 1 + draw.small(FRAMES_MAX - 1) }, () => mutant(draw, samples, mutatePacked)))

const framesOf = (input: Uint8Array): readonly Uint8Array[] => {
  const value = unpackLoose(input)
  return Array.isArray(value) ? value.filter((frame): frame is Uint8Array => frame instanceof Uint8Array) : []
}

const dial = (world: World, keys: KeyPair, nth: number) => {
  let opened: Session | null = null
  let authenticated = false
  let closed: string | null = null
  world.network.dialer('ws://attacker:1/mesh').dial(
    world.url(0),
    (socket) => {
      opened = openSession({
        socket,
        role: { kind: 'dialer', audience: idOf(0) },
        mesh: world.peer(0).replica.index.mesh,
        self: keys,
        nonces: createNonces(16, 1_000),
        random: createRandom(SEED + nth + 1),
        timers: world.time,
        count: () => undefined,
        events: {
          authenticated: () => {
            authenticated = true
          },
          frame: () => undefined,
          drained: () => undefined,
          closed: (reason) => {
            closed = reason
          },
        },
      })
    },
    (reason) => {
      closed = reason
    },
  )
  return {
    authenticated: () => authenticated,
    closed: (): string | null => closed,
    say: (content: Uint8Array): void => opened?.send(content),
    end: (): void => opened?.close('stopping'),
  }
}

export const sessionTargets: readonly Target[] = [session]
