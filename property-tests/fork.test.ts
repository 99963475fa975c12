/**
 * Forks in a real mesh: one key writes two histories while the mesh is cut; after healing every peer leaves both out, says so, and
 * nobody honest loses a memory.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { makeBody, type Body } from '../crdt/body.ts'
import { emptyChain, extendChain, type ChainState } from '../crdt/chain.ts'
import { chainId, eventsRoot, sealCommit, type Commit } from '../crdt/commit.ts'
import { encodeEvent, type DocumentEvent } from '../crdt/event.ts'
import { tick, type Hlc } from '../crdt/hlc.ts'
import {
  bytesToHex,
  incarnation,
  segmentId,
  type AgentId,
  type EventId,
  type Namespace,
  type PeerId,
  type RecordId,
  type SegmentId,
} from '../crdt/ids.ts'
import { historyRoot } from '../crdt/merkle.ts'
import { derive } from '../crdt/segment.ts'
import { publicKeyHex } from '../crdt/signature.ts'
import type { Peer } from '../src/peer.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const LIAR = 3
const inc = incarnation(Date.UTC(2026, 0, 1), 7)
const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`

let world: World
afterEach(() => world.stopAll())

/** Writes in the liar's name, on top of what one peer has, and gives it to that peer alone. */
const liar = (victim: Peer) => {
  const keys = world.keys[LIAR]!
  const peer = publicKeyHex(keys) as PeerId
  const chain = chainId(peer, inc, ns)
  let state: ChainState = emptyChain(chain, peer, inc, ns)
  let hlc = 0 as Hlc
  return {
    peer,
    say: (segment: SegmentId, event: DocumentEvent, body: Body | null): Commit => {
      const open = victim.replica.documents.open({ namespace: ns, id: segment }).segment
      const derivation = derive(open, { peer, incarnation: inc, chain }, [...open.heads].sort(), [event])
      if ('refused' in derivation) throw new Error(derivation.refused)
      const events = [{ bytes: encodeEvent(event), event, attestation: null }]
      hlc = tick(hlc, world.time.now() + 1_000)
      const commit = sealCommit(
        {
          mesh: victim.replica.index.mesh,
          namespace: ns,
          peer,
          incarnation: inc,
          seq: state.seq + 1,
          prev: state.hash,
          history: bytesToHex(historyRoot(state.history)),
          hlc,
          policy: victim.replica.index.control.head!,
          segment,
          deps: derivation.deps,
          eventsRoot: eventsRoot(events),
          eventCount: 1,
          changeHash: derivation.hash,
        },
        events,
        keys,
      )
      state = extendChain(state, commit, 0)
      victim.shell.feed({
        kind: 'received',
        from: peer,
        parcels: [{ chain, seq: commit.header.seq, bytes: commit.bytes, bodies: body === null ? [] : [body] }],
        delivery: 0,
      })
      return commit
    },
  }
}
const said = <Kind extends string>(kind: Kind, n: number) => ({
  v: 1 as const,
  id: uuid(n) as EventId,
  ns,
  kind,
  agent,
  at: '2026-01-01T00:00:00.000Z',
})
const bodyOf = (text: string): Body => makeBody(new Uint8Array(16).fill(text.length), new TextEncoder().encode(text))

const has = (peer: number, id: RecordId): Promise<boolean> =>
  world.run(world.peer(peer).node.get(id, {})).then(
    () => true,
    () => false,
  )

describe('a key that writes two histories', () => {
  test('is proven, told to all, and left out with what follows it; honest work built on it is said again', async () => {
    world = await createWorld({ peers: 4, seed: 21 })
    await world.stop(LIAR)
    const own = (await world.run(
      world.peer(0).node.remember(ns, { content: 'made by an honest peer' }, { agent, quorum: 3 }),
    ))!
    await world.agree([0, 1, 2])
    world.partition([0], [1, 2])

    // To the left: a memory, and a change in the honest peer's own document, on which it then builds.
    const left = liar(world.peer(0))
    const x = bodyOf('left history')
    left.say(
      segmentId(left.peer, 0),
      { ...said('memory.put', 1), record: uuid(101) as RecordId, set: { content: { ref: x.ref } } },
      x,
    )
    left.say(
      segmentId(world.peer(0).replica.self, 0),
      { ...said('memory.patch', 2), record: own.id, set: { priority: 9 } },
      null,
    )
    await world.run(() => world.peer(0).replica.index.chains.get(chainId(left.peer, inc, ns))?.seq === 2)
    const built = (await world.run(
      world.peer(0).node.remember(ns, { content: 'built on the lie, in good faith' }, { agent, quorum: 1 }),
    ))!
    expect(await has(0, uuid(101) as RecordId)).toBe(true)
    // To the right: another first commit.
    const y = bodyOf('the right history')
    const right = liar(world.peer(1))
    right.say(
      segmentId(right.peer, 0),
      { ...said('memory.put', 3), record: uuid(102) as RecordId, set: { content: { ref: y.ref } } },
      y,
    )
    await world.run(() => world.peer(1).replica.index.chains.get(chainId(right.peer, inc, ns))?.seq === 1)

    world.network.heal()
    await world.agree([0, 1, 2])
    await world.run(() => [0, 1, 2].every((peer) => world.peer(peer).replica.forks.isFrozen(left.peer)))
    await world.agree([0, 1, 2])
    // What it says behind the fork counts for nothing, and nobody keeps it waiting.
    left.say(
      segmentId(left.peer, 0),
      { ...said('memory.put', 4), record: uuid(104) as RecordId, set: { content: { ref: x.ref } } },
      x,
    )
    await world.run(() => world.peer(0).replica.intake.refused.some(({ reason }) => reason === 'forked'))
    for (const peer of [0, 1, 2]) {
      expect(world.peer(peer).replica.intake.pending(), `waiting on ${peer}`).toBe(0)
      expect(await has(peer, uuid(101) as RecordId), `left history on ${peer}`).toBe(false)
      expect(await has(peer, uuid(102) as RecordId), `right history on ${peer}`).toBe(false)
      const { memory } = (await world.run(world.peer(peer).node.get(own.id, {})))!
      expect(memory.priority).toBe(5)
      const again = (await world.run(world.peer(peer).node.get(built.id, {})))!
      expect(again.memory.content).toBe('built on the lie, in good faith')
      expect((await world.peer(peer).node.peers()).find(({ peer_id }) => peer_id === left.peer)).toMatchObject({
        forked: true,
      })
    }
    // And the mesh goes on, over a restart too.
    await world.stop(1)
    await world.start(1)
    const after = (await world.run(world.peer(1).node.remember(ns, { content: 'after' }, { agent, quorum: 3 })))!
    await world.agree([0, 1, 2])
    expect(await has(2, after.id)).toBe(true)
  })
})

describe('a commit that came without its text', () => {
  test.each([
    ['while it is being flushed', false],
    ['when it is on disk', true],
  ])('gets it from whoever brings it behind, %s', async (_, flushed) => {
    world = await createWorld({ peers: 4, seed: 22 })
    await world.stop(LIAR)
    const victim = world.peer(0)
    const careless = liar(victim)
    const text = bodyOf('said once, and passed on without its words')
    const commit = careless.say(
      segmentId(careless.peer, 0),
      { ...said('memory.put', 1), record: uuid(201) as RecordId, set: { content: { ref: text.ref } } },
      null,
    )
    if (flushed) await world.run(() => victim.replica.missing.size === 1)
    victim.shell.feed({
      kind: 'received',
      from: careless.peer,
      parcels: [{ chain: commit.chain, seq: 1, bytes: commit.bytes, bodies: [text] }],
      delivery: 0,
    })
    await world.run(() => victim.replica.index.chains.get(commit.chain)?.seq === 1 && victim.replica.missing.size === 0)
    await world.agree([0, 1, 2])
    for (const peer of [0, 1, 2])
      expect((await world.run(world.peer(peer).node.get(uuid(201) as RecordId, {})))!.memory.content).toBe(
        'said once, and passed on without its words',
      )
  })
})
