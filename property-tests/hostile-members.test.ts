/**
 * A member that lies, against real peers in virtual time: what it claims changes nothing, what it can prove counts, and nobody
 * honest pays for it.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { readAck, signAck } from '../crdt/ack.ts'
import { chainId, eventsRoot, sealCommit, type Commit } from '../crdt/commit.ts'
import { encodeEvent, type Event } from '../crdt/event.ts'
import { tick } from '../crdt/hlc.ts'
import { sha256 } from '../crdt/hash.ts'
import { bytesToHex, uuidV7, type AgentId, type CommitHash, type EventId, type Namespace, type PeerId } from '../crdt/ids.ts'
import { historyRoot } from '../crdt/merkle.ts'
import { publicKeyHex } from '../crdt/signature.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const LIAR = 2
const idOf = (member: number): PeerId => publicKeyHex(world.keys[member]!) as PeerId

let world: World
afterEach(() => world.stopAll())

const remember = async (peer: number, content: string, quorum = 2) => (await world.run(world.peer(peer).node.remember(ns, { content }, { agent, quorum })))!

describe('claims about our own chain', () => {
  const own = () => {
    const { replica } = world.peer(0)
    return { replica, chain: replica.index.chains.get(chainId(replica.self, replica.incarnation(), ns))! }
  }
  const claim = (seq: number): void => {
    const says = { mesh: world.peer(0).replica.index.mesh, voter: idOf(LIAR), watermarks: [{ chain: own().chain.id, seq, hash: bytesToHex(sha256(`claimed ${seq}`)) as CommitHash, whole: true }] }
    world.peer(0).shell.feed({ kind: 'acked', from: idOf(LIAR), ack: readAck(signAck(says, world.keys[LIAR]!))! })
  }
  /** The next commit of peer 0's chain, by its own key: what a copy of its folder would have written. */
  const continued = (): Commit => {
    const { chain, replica } = own()
    const event: Event = { v: 1, id: uuidV7(world.time.now(), world.random.bytes(10)) as EventId, ns, agent, at: new Date(world.time.now()).toISOString(), kind: 'episode.append', event_type: 'copied' }
    const events = [{ bytes: encodeEvent(event), event, attestation: null }]
    return sealCommit({
      mesh: replica.index.mesh, namespace: ns, peer: chain.peer, incarnation: chain.incarnation, seq: chain.seq + 1, prev: chain.hash, history: bytesToHex(historyRoot(chain.history)), hlc: tick(chain.hlc, world.time.now()),
      policy: replica.index.control.head!, segment: null, deps: [], eventsRoot: eventsRoot(events), eventCount: 1, changeHash: null,
    }, events, world.keys[0]!)
  }
  const give = (commit: Pick<Commit, 'chain' | 'bytes'>, seq: number): void =>
    world.peer(0).shell.feed({ kind: 'received', from: idOf(LIAR), parcels: [{ chain: commit.chain, seq, bytes: commit.bytes, bodies: [] }], delivery: 0 })

  test('begin no new incarnation, however many: forty writes stay one chain', async () => {
    world = await createWorld({ peers: 3, seed: 61 })
    await remember(0, 'the first')
    const before = own().replica.incarnation()
    for (let n = 0; n < 40; n++) {
      claim(1_000_000 + n)
      // A label on somebody else's bytes, and on none.
      give({ chain: own().chain.id, bytes: n % 2 === 0 ? new Uint8Array(8) : continued().bytes }, 2_000 + n)
      await remember(0, `write ${n}`)
    }
    expect(own().replica.incarnation()).toBe(before)
    expect([...own().replica.index.chains.values()].filter(({ peer, namespace }) => peer === own().replica.self && namespace === ns)).toHaveLength(1)
    await world.agree()
  })

  test('are evidence when our own signature is on them: we go on in a new chain, and nobody forks', async () => {
    world = await createWorld({ peers: 3, seed: 62 })
    await remember(0, 'the first')
    const before = own().replica.incarnation()
    const commit = continued()
    give(commit, commit.header.seq)
    const { replica } = world.peer(0)
    expect(replica.incarnation()).not.toBe(before)
    await remember(0, 'and on')
    await world.agree()
    for (const peer of [0, 1, 2]) {
      expect(world.peer(peer).replica.forks.all()).toEqual([])
      expect(world.peer(peer).replica.index.chains.get(commit.chain)).toMatchObject({ seq: commit.header.seq, hash: commit.hash })
    }
  })
})
