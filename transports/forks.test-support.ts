/** What the tests of forks share: two histories of one chain, and a member that says what a test wants. */
import { afterEach, expect } from 'vitest'
import { signAck } from '../crdt/ack.ts'
import { sha256Hex } from '../crdt/hash.ts'
import type { CommitHash } from '../crdt/ids.ts'
import { pack } from '../crdt/msgpack.ts'
import { decode } from './decode.ts'
import type { Parcel, Run } from './host.ts'
import type { Message } from './messages.ts'
import { branchOf, chainOfPeer, keysOf, meshIdOfTests, peerOf, type TestHost } from './test-host.ts'
import { HEARD, dialRaw, type RawPeer, type TestPeer, type TestWorld } from './test-world.ts'

const peers: TestPeer[] = []
export const add = (world: TestWorld, name: string, dials: readonly string[] = []): TestPeer => {
  const peer = world.add(name, dials)
  peers.push(peer)
  return peer
}
/** Every peer of a test ends with it. */
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.mesh.stop()
})

export const up = (peer: TestPeer): number => peer.mesh.links().filter((link) => link.state === 'up').length
export const counter = (peer: TestPeer, name: string): number => peer.mesh.counters()[name] ?? 0
export const framesOf = (...of: readonly TestPeer[]): number =>
  of.reduce((sum, peer) => sum + counter(peer, 'frames_out'), 0)
/** Closings that name a violation; what a test does to the network itself is none. */
export const closings = (peer: TestPeer): readonly string[] =>
  Object.keys(peer.mesh.counters()).filter(
    (name) =>
      name.startsWith('closed_') && !/(lost|silence|ping_timeout|seal_broken|duplicate|handshake_timeout)$/.test(name),
  )

/** The forked chain: of a member that never runs here. */
export const CHAIN = chainOfPeer(peerOf('f'))
export const give = (peer: TestHost, parcels: readonly Parcel[]): void =>
  peer.host.receive(peerOf('f'), parcels, () => {})
/** Two histories that part behind `common` commits; `at` is the first place where they differ. */
export const fork = (
  common: number,
  ofX: number,
  ofY: number,
): {
  readonly x: readonly Parcel[]
  readonly y: readonly Parcel[]
  readonly at: number
  readonly proof: Uint8Array
} => {
  const before = branchOf(CHAIN, 'common', [], common)
  const [x, y] = [branchOf(CHAIN, 'x', before, ofX), branchOf(CHAIN, 'y', before, ofY)]
  return { x, y, at: common + 1, proof: pack([x[common]!.bytes, y[common]!.bytes]) }
}
export const ended = (at: number, ...of: readonly TestPeer[]): boolean =>
  of.every(
    (peer) => peer.host.forkAt(CHAIN) === at && peer.seqOf(CHAIN) === at - 1 && peer.digest() === of[0]!.digest(),
  )

export const heardBy = (raw: RawPeer): readonly Message[] =>
  raw.frames.map((frame) => decode(frame, HEARD)).flatMap((read) => (read.ok ? [read.message] : []))
export const dial = (world: TestWorld, name: string, peer: TestPeer): RawPeer => {
  const raw = dialRaw(world, name, peer.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: peer.seqOf(peer.host.controlChain) })
  return raw
}
export const openRaw = (world: TestWorld, name: string, peer: TestPeer): RawPeer => {
  const raw = dial(world, name, peer)
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 9,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  expect(world.time.runUntil(() => up(peer) === 1, 1_000)).toBe(true)
  return raw
}

export const wants = (raw: RawPeer): readonly Run[] =>
  heardBy(raw).flatMap((message) => (message.type === 'want' ? message.runs : []))
export const ackOf = (parcels: readonly Parcel[]): Message => {
  const { seq, bytes } = parcels.at(-1)!
  return {
    type: 'ack',
    ack: signAck(
      {
        mesh: meshIdOfTests,
        voter: peerOf('b'),
        watermarks: [{ chain: CHAIN, seq, hash: sha256Hex(bytes) as CommitHash, whole: true }],
      },
      keysOf('b'),
    ),
  }
}
