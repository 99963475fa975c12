/**
 * A mesh in memory: real peers (`peer.ts`) on a virtual clock, an in-memory network and disks, and seeded randomness. Nothing
 * happens but by `run`; the same seed gives the same history.
 *
 * For tests: the tour of the write path, partitions, and the simulated world.
 */
import { logTo } from './log.ts'
import { createRandom } from './random.ts'
import type { PeerId } from '../../crdt/ids.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../../crdt/signature.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../../transports/memory.ts'
import { createVirtualTime, type VirtualTime } from '../../transports/virtual-time.ts'
import { foundedLog } from '../membership/control-log.ts'
import { genesis } from '../membership/statements.ts'
import { createPeer, type Build, type Peer } from '../peer.ts'
import type { Random } from '../ports/clock.ts'
import type { PeerLog } from '../ports/log.ts'
import type { Projection } from '../ports/projection.ts'
import { createNoProjection } from '../projection/none.ts'
import type { Recovery } from '../../crdt/event.ts'
import type { Effect } from '../replica/types.ts'
import type { KeepHistory } from '../service/old-texts.ts'
import { memoryDisk, openMemoryStore, type MemoryDisk } from '../store/memory.ts'

export type WorldOptions = {
  readonly peers: number
  readonly seed: number
  /** Recovery keys that the genesis names; default: none. */
  readonly recovery?: Recovery
  /** Links that are dialed at the start; default: everybody dials the first. */
  readonly dials?: (peer: number) => readonly number[]
  readonly projection?: (peer: number) => Projection
  readonly observe?: (peer: number, effect: Effect) => void
  /** Made before each write to a disk: a rejection is that disk's. */
  readonly flush?: (peer: number) => Promise<void>
  readonly log?: (peer: number) => PeerLog
  /** Of those who found the mesh; default: all vote. */
  readonly role?: (peer: number) => 'voter' | 'observer'
  /** What each peer runs at each of its starts; default: this program. */
  readonly build?: (peer: number) => Build
  /** How much of older versions each keeps; default: all. */
  readonly keepHistory?: (peer: number) => KeepHistory | null
  /** Each frame takes between these, ms. */
  readonly delayMs?: readonly [number, number]
}

export type World = {
  readonly time: VirtualTime
  readonly network: MemoryNetwork
  readonly random: Random
  readonly peers: (Peer | null)[]
  readonly disks: readonly MemoryDisk[]
  /** The peers' keys: a test may write in anybody's name. */
  readonly keys: readonly KeyPair[]
  readonly authority: KeyPair
  /** The authority's key that each peer's folder holds when it is started; may be changed. */
  readonly authorities: (KeyPair | null)[]
  /** What each peer's wall clock is ahead of the others' time, ms; may be changed at any time. */
  readonly clockAheadMs: number[]
  peer(index: number): Peer
  url(index: number): string
  /** Lets time pass until the promise or the fact is there, at most `msMax` of virtual time. */
  run<T>(until: Promise<T> | (() => boolean), msMax?: number): Promise<T | undefined>
  start(index: number): Promise<void>
  stop(index: number): Promise<void>
  /** Lets time pass until these peers (default: all) have equal logs and documents. @throws with what each has, after `AGREE_MS_MAX`. */
  agree(among?: readonly number[]): Promise<void>
  /** Nothing passes between the two groups. */
  partition(left: readonly number[], right: readonly number[]): void
  stopAll(): Promise<void>
}

const kept = (keepHistory: KeepHistory | null): { readonly keepHistory?: KeepHistory } =>
  keepHistory === null ? {} : { keepHistory }

const START_MS = Date.UTC(2026, 0, 1)
const STEP_MS = 5
const AGREE_MS_MAX = 60_000
const AGREE_LOOK_MS = 250

export const createWorld = async (options: WorldOptions): Promise<World> => {
  const random = createRandom(options.seed)
  const time = createVirtualTime(START_MS)
  const network = createMemoryNetwork({
    timers: time,
    ...(options.delayMs && { delayMs: options.delayMs, random: () => random.bytes(1)[0]! / 256 }),
  })
  const authority = keyPairFromSeed(random.bytes(32))
  const keys = Array.from({ length: options.peers }, () => keyPairFromSeed(random.bytes(32)))
  const founders = keys.map((pair, index) => ({
    peer: publicKeyHex(pair) as PeerId,
    name: `peer-${index}`,
    role: options.role?.(index) ?? 'voter',
  }))
  const log = foundedLog(genesis({ clock: time, random }, 'world', authority, founders, options.recovery), authority)
  const { mesh } = log.state
  const disks = keys.map(() => memoryDisk())
  const peers: (Peer | null)[] = keys.map(() => null)
  const clockAheadMs = keys.map(() => 0)
  const authorities = keys.map((_, index): KeyPair | null => (index === 0 ? authority : null))
  const stopListening: (() => void)[] = []
  const url = (index: number): string => `ws://peer-${index}:1/mesh`
  const dials = options.dials ?? ((index: number) => (index === 0 ? [] : [0]))

  const start = async (index: number): Promise<void> => {
    const store = openMemoryStore({
      random,
      disk: disks[index]!,
      ...(options.flush && { flush: () => options.flush!(index) }),
    })
    if (store.arrivals() === 0) await store.write({ commits: log.commits })
    const peer = await createPeer({
      // A fault that is caught in production fails the world.
      fault: (_place, error) => {
        throw error
      },
      identity: {
        dir: '',
        mesh,
        meshName: 'world',
        name: `peer-${index}`,
        peer: publicKeyHex(keys[index]!) as PeerId,
        keys: keys[index]!,
        authority: authorities[index]!,
        peers: [],
      },
      store,
      projection: options.projection?.(index) ?? createNoProjection(),
      projectionKind: options.projection === undefined ? 'none' : 'memory',
      timers: { now: () => Math.floor(time.now() + clockAheadMs[index]!), after: time.after },
      monotonic: time.now,
      random,
      dialer: network.dialer(url(index)),
      compression: null,
      peers: dials(index).map(url),
      quorum: null,
      quorumTimeoutMs: 5_000,
      version: '0.0.0',
      log: options.log?.(index) ?? logTo(),
      live: () => ({}),
      ...(options.build && { build: options.build(index) }),
      ...kept(options.keepHistory?.(index) ?? null),
      ...(options.observe && { observe: (effect) => options.observe!(index, effect) }),
    })
    peers[index] = peer
    stopListening[index] = network.listen(url(index), (socket) => peer.mesh.accept(socket))
    peer.start([url(index)])
  }
  const run = async <T>(until: Promise<T> | (() => boolean), msMax = 60_000): Promise<T | undefined> => {
    let settled: { value?: T; error?: unknown } | null = null
    if (typeof until !== 'function')
      until.then(
        (value) => (settled = { value }),
        (error: unknown) => (settled = { error }),
      )
    const endMs = time.now() + msMax
    for (;;) {
      await turn()
      if (settled !== null) {
        if ('error' in settled) throw (settled as { error: unknown }).error
        return (settled as { value: T }).value
      }
      if (typeof until === 'function' && until()) return undefined
      if (time.now() >= endMs) throw new Error(`not within ${msMax} ms of virtual time`)
      time.advance(STEP_MS)
    }
  }
  const stop = async (index: number): Promise<void> => {
    const peer = peers[index]
    if (!peer) return
    stopListening[index]?.()
    peers[index] = null
    await run(peer.stop())
  }

  const agree = async (among: readonly number[] = [...keys.keys()]): Promise<void> => {
    const endMs = time.now() + AGREE_MS_MAX
    for (;;) {
      // Digests are of stable storage: what a peer is just writing is not in them yet.
      await Promise.all(among.map((index) => world.peer(index).shell.settled()))
      const digests = await Promise.all(among.map((index) => world.peer(index).node.digests()))
      if (
        digests.every(
          ({ frontier, documents }) =>
            documents !== null && frontier === digests[0]!.frontier && documents === digests[0]!.documents,
        )
      )
        return
      if (time.now() >= endMs)
        throw new Error(
          `peers ${among.join(', ')} do not agree within ${AGREE_MS_MAX} ms of virtual time: ${JSON.stringify(digests)}`,
        )
      await run(new Promise<void>((resolve) => void time.after(AGREE_LOOK_MS, resolve)))
    }
  }

  for (const index of keys.keys()) await start(index)
  const world: World = {
    time,
    network,
    random,
    peers,
    disks,
    keys,
    authority,
    authorities,
    clockAheadMs,
    url,
    run,
    start,
    stop,
    agree,
    peer: (index) => {
      const peer = peers[index]
      if (!peer) throw new Error(`peer ${index} is stopped`)
      return peer
    },
    partition: (left, right) => {
      for (const a of left) for (const b of right) network.cut(url(a), url(b))
    },
    stopAll: async () => {
      for (const index of keys.keys()) await stop(index)
    },
  }
  await run(() =>
    peers.every(
      (peer) => peer!.mesh.links().filter(({ state }) => state === 'up').length >= Math.min(1, options.peers - 1),
    ),
  )
  return world
}

/** Lets every promise that is ready go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
