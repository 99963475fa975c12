/**
 * A few peers on the network in memory, for the tests of this folder: hosts, meshes, virtual time, one seed.
 */
import { controlChainId } from '../crdt/commit.ts'
import { sha256 } from '../crdt/hash.ts'
import type { DecodeOptions } from './decode.ts'
import { createMemoryNetwork, type MemoryNetwork } from './memory.ts'
import { createMesh, type DriveableMesh } from './mesh.ts'
import { encode, type Message } from './messages.ts'
import { createNonces } from './nonces.ts'
import type { Compression, RandomBytes, Socket } from './ports.ts'
import { openSession, type Session } from './session.ts'
import { createTestHost, keysOf, meshIdOfTests, peerOf, type TestHost } from './test-host.ts'
import { OWN_OFFER } from './versions.ts'
import { createVirtualTime, type VirtualTime } from './virtual-time.ts'

export type TestPeer = TestHost & { readonly name: string; readonly url: string; readonly mesh: DriveableMesh }
export type TestWorld = {
  readonly time: VirtualTime
  readonly network: MemoryNetwork
  add(name: string, dials?: readonly string[], flushMs?: number): TestPeer
}

/** A peer of which only the session works: says what a test wants it to say. */
export type RawPeer = {
  readonly socket: () => Socket | null
  readonly closed: () => string | null
  readonly frames: Uint8Array[]
  readonly authenticated: () => boolean
  say(message: Message): void
  sayBytes(content: Uint8Array): void
}

/** A fault that a test did not ask for fails it. */
export const rethrow = (_place: string, error: unknown): never => {
  throw error
}

/** For what a test heard: taken as from a link that is open. */
export const HEARD: DecodeOptions = { from: 'open', controlChain: controlChainId(meshIdOfTests), compression: null }

export const START_MS = 1_700_000_000_000
export const urlOf = (name: string): string => `ws://${name}.test:7/mesh`

/** Bytes from a counter and a seed: random enough for nonces, the same in every run. */
export const seededBytes = (seed: string): RandomBytes => {
  let n = 0
  return {
    bytes: (count) => {
      const out = new Uint8Array(count)
      for (let at = 0; at < count; at += 32)
        out.set(sha256(seed, String(n++)).subarray(0, Math.min(32, count - at)), at)
      return out
    },
  }
}

/**
 * @param members all of them voters; the first writes the control log, the others begin with a copy of it.
 * @param delayMs one way.
 */
export const createTestWorld = (
  members: readonly string[],
  delayMs = 1,
  compression: Compression | null = null,
  fault: (place: string, error: unknown) => void = rethrow,
): TestWorld => {
  const time = createVirtualTime(START_MS)
  const network = createMemoryNetwork({ timers: time, delayMs: [delayMs, delayMs] })
  const authority = createTestHost('authority', { timers: time })
  for (const name of members) authority.enrol(peerOf(name), 'voter')
  return {
    time,
    network,
    add: (name, dials = [], flushMs = 1) => {
      const test = createTestHost(name, { timers: time, flushMs })
      test.joinFrom(authority)
      const mesh = createMesh({
        host: test.host,
        timers: time,
        random: seededBytes(name),
        dialer: network.dialer(urlOf(name)),
        compression,
        urls: dials.map(urlOf),
        fault,
      })
      test.attach(mesh)
      network.listen(urlOf(name), mesh.accept)
      mesh.start()
      return Object.assign(test, { name, url: urlOf(name), mesh })
    },
  }
}

/** Dials `url` as `name`, authenticates, and then does only what it is told: of a build that does not take lines of the control log, unless it `takesLines`. */
export const dialRaw = (world: TestWorld, name: string, url: string, takesLines = false): RawPeer => {
  let socket: Socket | null = null
  let session: Session | null = null
  let closed: string | null = null
  let authenticated = false
  const frames: Uint8Array[] = []
  world.network.dialer(`ws://${name}.raw:7/mesh`).dial(
    url,
    (opened) => {
      socket = opened
      session = openSession({
        socket: opened,
        role: { kind: 'dialer', audience: null },
        mesh: meshIdOfTests,
        self: keysOf(name),
        offer: takesLines ? OWN_OFFER : { ...OWN_OFFER, abilities: OWN_OFFER.abilities - 2 ** 17 },
        nonces: createNonces(16, 1_000),
        random: seededBytes(`raw ${name} ${world.time.now()}`),
        timers: world.time,
        count: () => {},
        events: {
          authenticated: () => {
            authenticated = true
          },
          frame: (content) => frames.push(content),
          drained: () => {},
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
    socket: () => socket,
    closed: () => closed,
    frames,
    authenticated: () => authenticated,
    say: (message) => session?.send(encode(message)),
    sayBytes: (content) => session?.send(content),
  }
}
