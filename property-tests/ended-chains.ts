/**
 * Two peers whose logs hold many chains that ended, as unclean stops leave them behind, and what it costs them to meet again.
 *
 * Chains are real: each is a sealed commit of an incarnation of its own. They are laid on the peers' disks while these are stopped.
 */
import { eventsRoot, sealCommit, textsOf } from '../crdt/commit.ts'
import { encodeEvent, type Event } from '../crdt/event.ts'
import type { Hlc } from '../crdt/hlc.ts'
import {
  ZERO_HASH,
  bytesToHex,
  incarnation,
  type AgentId,
  type CommitHash,
  type EventId,
  type MeshId,
  type Namespace,
  type PeerId,
} from '../crdt/ids.ts'
import { emptyHistory, historyRoot } from '../crdt/merkle.ts'
import { publicKeyHex, type KeyPair } from '../crdt/signature.ts'
import type { StoredCommit } from '../src/ports/store.ts'
import { openMemoryStore } from '../src/store/memory.ts'
import { createWorld, type World } from '../src/testing/world.ts'

/** The three frames of a handshake come before what is promised. */
const HANDSHAKE_BYTES = 168 + 168 + 66
/** Each side of a link that turns out to be the second one says how far its control log is: a small frame, sealed. */
const CONTROL_BYTES = 20
/** So long nothing happens before a link breaks, and while it is broken. */
const QUIET_MS = 15_000
const AWAY_MS = 10_000
const WRITTEN_AT_ONCE = 50
const NAMESPACES = 8
/** A second lies between two stops. */
const BETWEEN_MS = 1_000
const BATCH = 1_000
const agent = 'ai:alice' as AgentId
const namespaceOf = (n: number): Namespace => `team/${n % NAMESPACES}` as Namespace

/** What is promised, bytes. */
export const IN_STEP_BYTES_MAX = 200
export const missedBytesMax = (missing: number): number => 1.02 * missing + 256

type Author = { readonly mesh: MeshId; readonly policy: CommitHash; readonly keys: KeyPair; readonly beforeMs: number }

/** Chains number `from` … `to` − 1, each of one commit. */
function* endedChains({ mesh, policy, keys, beforeMs }: Author, from: number, to: number): Iterable<StoredCommit> {
  const peer = publicKeyHex(keys) as PeerId
  for (let n = from; n < to; n++) {
    const [ns, ms] = [namespaceOf(n), beforeMs - (to - n) * BETWEEN_MS]
    const id = `00000001-0000-4000-8000-${n.toString(16).padStart(12, '0')}` as EventId
    const event: Event = {
      v: 1,
      id,
      ns,
      kind: 'episode.append',
      agent,
      at: new Date(ms).toISOString(),
      event_type: 'stopped',
    }
    const sealed = [{ bytes: encodeEvent(event), event, attestation: null }]
    const { chain, hash, bytes } = sealCommit(
      {
        mesh,
        namespace: ns,
        peer,
        incarnation: incarnation(ms, n % 65_536),
        seq: 1,
        prev: ZERO_HASH as CommitHash,
        history: bytesToHex(historyRoot(emptyHistory)),
        hlc: (ms * 1_024) as Hlc,
        policy,
        segment: null,
        deps: [],
        changeHash: null,
        eventsRoot: eventsRoot(sealed),
        eventCount: 1,
      },
      sealed,
      keys,
    )
    yield { chain, seq: 1, hash, bytes }
  }
}

/** Starts again with `each[n]` chains on disk n: the same ones, as far as both have them. No cursor of before holds. */
export const worldWithChains = async (seed: number, each: readonly [number, number]): Promise<World> => {
  const world = await createWorld({ peers: 2, seed })
  const { index } = world.peer(0).replica
  const author: Author = {
    mesh: index.mesh,
    policy: index.control.head!,
    keys: world.keys[0]!,
    beforeMs: world.time.now() - 1_000,
  }
  for (const peer of [0, 1]) await world.stop(peer)
  const commits = [...endedChains(author, 0, Math.max(...each))]
  for (const [peer, count] of each.entries()) {
    world.disks[peer]!.epoch = null
    const store = openMemoryStore({ random: world.random, disk: world.disks[peer]! })
    for await (const _ of store.scan()) {
      /* an opening is scanned before it is written to */
    }
    for (let at = 0; at < count; at += BATCH)
      await store.write({ commits: commits.slice(at, Math.min(count, at + BATCH)) })
    await store.close()
  }
  for (const peer of [0, 1]) await world.start(peer)
  await agree(world)
  return world
}

type Met = {
  readonly bytes: number
  /** What one side lacked: commits and texts. */
  readonly missing: number
}

const sent = (world: World): number =>
  world.peers.reduce((sum, peer) => sum + (peer!.mesh.counters()['bytes_out'] ?? 0), 0)
const upLinks = (world: World): boolean =>
  world.peers.every((peer) => peer!.mesh.links().some(({ state }) => state === 'up'))
const agree = (world: World): Promise<unknown> => world.run(() => upLinks(world) && isInStep(world))
const isInStep = (world: World): boolean =>
  new Set(world.peers.map((peer) => bytesToHex(peer!.replica.frontierDigest()))).size === 1
/** Until what the link still had to say is said. */
const rest = (world: World, ms: number): Promise<unknown> =>
  world.run(new Promise<void>((resolve) => void world.time.after(ms, resolve)))

/** The link breaks and comes back; meanwhile the first peer writes so many memories, in one namespace. */
export const meetAgain = async (world: World, memories: number): Promise<Met> => {
  const [a, b] = [world.url(0), world.url(1)]
  await rest(world, QUIET_MS)
  world.network.cut(a, b)
  world.network.cut(b, a)
  world.network.sever(a, b)
  const { node, replica } = world.peer(0)
  const arrived = replica.index.arrivals
  for (let left = memories; left > 0; left -= WRITTEN_AT_ONCE) {
    const inputs = Array.from({ length: Math.min(left, WRITTEN_AT_ONCE) }, () => ({
      namespace: namespaceOf(0),
      input: { content: bytesToHex(world.random.bytes(200)) },
    }))
    await world.run(node.rememberMany(inputs, { agent, quorum: 1 }))
  }
  await rest(world, AWAY_MS)
  let missing = 0
  for (let n = arrived + 1; n <= replica.index.arrivals; n++) missing += bytesOf(world, n)
  const handshakes = (): number => world.peer(0).mesh.counters()['handshakes'] ?? 0
  const [before, met] = [sent(world), handshakes()]
  world.network.heal()
  await world.run(() => handshakes() > met && upLinks(world) && isInStep(world))
  // Before the first probe of an idle link.
  await rest(world, 400)
  // Both sides dialed, and one of the two links was closed behind its first frame.
  const twice = handshakes() - met - 1
  return { bytes: sent(world) - before - HANDSHAKE_BYTES * (1 + twice) - CONTROL_BYTES * twice, missing }
}

/** A commit's bytes and those of its texts, as they lie on the first peer's disk. */
const bytesOf = (world: World, n: number): number => {
  const { arrivals, bodyByRef } = world.disks[0]!
  const { chain, seq } = arrivals[n - 1]!
  const commit = world.peer(0).replica.commits.at(chain, seq)!
  return textsOf(commit).reduce((sum, ref) => sum + 16 + (bodyByRef.get(ref)?.text.length ?? 0), commit.bytes.length)
}
