/**
 * What the dishonest member, and a stranger beside it, send past every client: sessions of which only the handshake is kept to. Frames
 * over their budgets, of no shape, in no phase; requests without end; sockets that say junk, or nothing.
 */
import { controlChainId } from '../../crdt/commit.ts'
import { bytesToHex, type ChainId, type MeshId, type Ref } from '../../crdt/ids.ts'
import { keyPairFromSeed, type KeyPair } from '../../crdt/signature.ts'
import { encode, TAGS } from '../../transports/messages.ts'
import { createNonces } from '../../transports/nonces.ts'
import type { Dialer, Timers } from '../../transports/ports.ts'
import { openSession } from '../../transports/session.ts'
import { pack, type Packable } from '../../crdt/msgpack.ts'
import type { Stream } from './streams.ts'

export type Floods = {
  /** As a member: requests that cost their answerer more than their asker. */
  requests(url: string): void
  /** As a member: frames that no decoder may build anything from. */
  frames(url: string): void
  /** With a key that nobody enrolled, and without a handshake at all. */
  stranger(url: string): void
}

export type FloodOptions = {
  readonly mesh: MeshId
  readonly keys: KeyPair
  readonly dialer: Dialer
  readonly timers: Timers
  readonly random: Stream
  /** Address records, genuine and forged, that draw dials to others. */
  readonly addresses: () => readonly Uint8Array[]
}

const REQUESTS = 60
const SOCKETS = 6
const NESTED = 40
/** One more than a frame may carry (`frame_bodies_max`). */
const BODIES = 4_097
const CLOSE_MS = 2_000

export const createFloods = ({ mesh, keys, dialer, timers, random, addresses }: FloodOptions): Floods => {
  const control = controlChainId(mesh)
  const chain = (): ChainId => bytesToHex(random.bytes(16)) as ChainId
  const refs = (count: number): Ref[] => Array.from({ length: count }, () => bytesToHex(random.bytes(32)) as Ref)

  /** Authenticates, says all of it, and leaves after a while. */
  const say = (url: string, self: KeyPair, contents: readonly Uint8Array[]): void => {
    dialer.dial(
      url,
      (socket) => {
        const session = openSession({
          socket,
          role: { kind: 'dialer', audience: null },
          mesh,
          self,
          nonces: createNonces(16, 1_000),
          random,
          timers,
          count: () => undefined,
          events: {
            authenticated: () => contents.forEach((content) => session.send(content)),
            frame: () => undefined,
            drained: () => undefined,
            closed: () => undefined,
          },
        })
        timers.after(CLOSE_MS, () => session.close('stopping'))
      },
      () => undefined,
    )
  }
  const opened = (): Uint8Array[] => [
    encode({ type: 'control', seq: 1 }),
    encode({
      type: 'open',
      epoch: bytesToHex(random.bytes(16)),
      arrivals: 0,
      digest: random.bytes(16),
      addresses: random.bytes(8),
      clock: Math.floor(timers.now()),
    }),
  ]
  const nested = (): Uint8Array =>
    pack([TAGS.since, Array.from({ length: NESTED }).reduce<Packable>((inner) => [inner], 0)])
  const manyBodies = (): Uint8Array => {
    const body = { ref: refs(1)[0]!, salt: new Uint8Array(16), text: new Uint8Array(0) }
    return encode({
      type: 'parcels',
      chain: control,
      parcels: [
        { chain: control, seq: 1, bytes: new Uint8Array(1), bodies: Array.from({ length: BODIES }, () => body) },
      ],
    })
  }
  const bad = (): Uint8Array[] => [
    manyBodies(),
    nested(),
    pack([TAGS.deflated, 4 * 2 ** 20, random.bytes(64)]),
    pack([99, 1]),
    new Uint8Array(0),
    random.bytes(random.int(1, 300)),
  ]

  return {
    requests: (url) =>
      say(url, keys, [
        ...opened(),
        ...Array.from({ length: REQUESTS }, () => encode({ type: 'since', cursor: 0 })),
        ...Array.from({ length: REQUESTS }, () =>
          encode({ type: 'want', runs: [{ chain: chain(), from: 1, count: 1_000 }] }),
        ),
        ...Array.from({ length: REQUESTS }, () => encode({ type: 'frontier_ask', prefixes: [''] })),
        encode({ type: 'want_bodies', refs: refs(200) }),
        encode({ type: 'addresses', records: addresses() }),
      ]),
    // Each ends its link, so each has one of its own.
    frames: (url) => random.some(bad(), 3).forEach((content) => say(url, keys, [...opened(), content])),
    stranger: (url) => {
      const self = keyPairFromSeed(random.bytes(32))
      say(url, self, [encode({ type: 'control', seq: 0 }), encode({ type: 'since', cursor: 0 })])
      say(url, self, [random.pick(bad())])
      for (let i = 0; i < SOCKETS; i++) {
        dialer.dial(
          url,
          (socket) => {
            socket.listen({ message: () => undefined, drained: () => undefined, closed: () => undefined })
            if (i % 2 === 0) socket.send(random.bytes(random.int(1, 200)))
            timers.after(CLOSE_MS, () => socket.close('stopping'))
          },
          () => undefined,
        )
      }
    },
  }
}
