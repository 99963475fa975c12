/**
 * A member that lies, against real peers in virtual time: what it claims changes nothing, what it can prove counts, and nobody
 * honest pays for it.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { signAck } from '../crdt/ack.ts'
import { makeBody, type Body } from '../crdt/body.ts'
import { emptyChain, extendChain, type ChainState } from '../crdt/chain.ts'
import { chainId, eventsRoot, sealCommit, type Commit } from '../crdt/commit.ts'
import { encodeEvent, isDocumentEvent, type Event } from '../crdt/event.ts'
import { makeForkProof } from '../crdt/fork.ts'
import { tick } from '../crdt/hlc.ts'
import { sha256 } from '../crdt/hash.ts'
import {
  bytesToHex,
  incarnation,
  segmentId,
  uuidV7,
  type AgentId,
  type CommitHash,
  type EventId,
  type Namespace,
  type PeerId,
  type RecordId,
} from '../crdt/ids.ts'
import { limits } from '../crdt/limits.ts'
import { historyRoot } from '../crdt/merkle.ts'
import { derive } from '../crdt/segment.ts'
import { keyPairFromSeed, publicKeyHex, type KeyPair } from '../crdt/signature.ts'
import { createWorld, type World } from '../src/testing/world.ts'
import { createDumbProjection } from './model/projection.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const LIAR = 2
const idOf = (member: number): PeerId => publicKeyHex(world.keys[member]!) as PeerId

let world: World
afterEach(() => world.stopAll())

const remember = async (peer: number, content: string, quorum = 2) =>
  (await world.run(world.peer(peer).node.remember(ns, { content }, { agent, quorum })))!

const newId = (): string => uuidV7(world.time.now(), world.random.bytes(10))
const said = <Kind extends string>(kind: Kind, in_ns: Namespace = ns) => ({
  v: 1 as const,
  id: newId() as EventId,
  ns: in_ns,
  agent,
  at: new Date(world.time.now()).toISOString(),
  kind,
})
const bodyOf = (text: Uint8Array | string): Body =>
  makeBody(world.random.bytes(16), typeof text === 'string' ? new TextEncoder().encode(text) : text)

/** Seals commits with somebody's key, on top of what one peer has. */
const pen = (keys: KeyPair, begun: number, namespace: Namespace = ns) => {
  const peer = publicKeyHex(keys) as PeerId
  const inc = incarnation(begun, 7)
  let state: ChainState = emptyChain(chainId(peer, inc, namespace), peer, inc, namespace)
  return {
    peer,
    chain: state.id,
    at: (): ChainState => state,
    seal: (event: Event, victim = 0): Commit => {
      const { replica } = world.peer(victim)
      const id = segmentId(peer, 0)
      const open = replica.documents.open({ namespace, id }).segment
      const derivation = isDocumentEvent(event)
        ? derive(open, { peer, incarnation: inc, chain: state.id }, [...open.heads].sort(), [event])
        : null
      if (derivation !== null && 'refused' in derivation) throw new Error(derivation.refused)
      const events = [{ bytes: encodeEvent(event), event, attestation: null }]
      const commit = sealCommit(
        {
          mesh: replica.index.mesh,
          namespace,
          peer,
          incarnation: inc,
          seq: state.seq + 1,
          prev: state.hash,
          history: bytesToHex(historyRoot(state.history)),
          hlc: tick(state.hlc, world.time.now()),
          policy: replica.index.control.head!,
          segment: derivation === null ? null : id,
          deps: derivation?.deps ?? [],
          eventsRoot: eventsRoot(events),
          eventCount: 1,
          changeHash: derivation?.hash ?? null,
        },
        events,
        keys,
      )
      state = extendChain(state, commit, 0)
      return commit
    },
  }
}
const give = (from: PeerId, commits: readonly Commit[], bodies: readonly Body[] = [], to = 0): void =>
  world
    .peer(to)
    .shell.feed({
      kind: 'received',
      from,
      parcels: commits.map(({ chain, header, bytes }) => ({ chain, seq: header.seq, bytes, bodies })),
      delivery: 0,
    })

describe('texts that are not what their fields allow', () => {
  const deep = `${'{"a":'.repeat(2_500)}1${'}'.repeat(2_500)}`

  test('are shown as unreadable beside readable neighbours, by every way of reading, on every peer', async () => {
    world = await createWorld({ peers: 3, seed: 63, projection: createDumbProjection })
    const good = await remember(0, 'an honest neighbour')
    const bad = pen(world.keys[LIAR]!, 1)
    const [content, title, metadata, body] = [
      bodyOf(Uint8Array.of(0xff, 0xfe)),
      bodyOf('x'.repeat(2_000)),
      bodyOf(deep),
      bodyOf('[1]'),
    ]
    const record = newId() as RecordId
    const set = { content: { ref: content.ref }, title: { ref: title.ref }, metadata: { ref: metadata.ref } }
    give(bad.peer, [bad.seal({ ...said('memory.put'), record, set })], [content, title, metadata])
    await world.run(() => world.peer(0).replica.index.chains.get(bad.chain)?.seq === 1)
    give(bad.peer, [bad.seal({ ...said('episode.append'), event_type: 'hostile', body: { ref: body.ref } })], [body])
    await world.agree()
    for (const peer of [0, 1, 2]) {
      const { node } = world.peer(peer)
      const { memory } = (await world.run(node.get(record, {})))!
      expect(memory).toMatchObject({
        content: null,
        title: null,
        metadata: {},
        unreadable: ['title', 'content', 'metadata'],
      })
      const { rows } = (await world.run(node.list({}, { limit: 10 }, {})))!
      expect(new Map(rows.map(({ id, content: text, unreadable }) => [id, [text, unreadable?.length ?? 0]]))).toEqual(
        new Map([
          [good.id, ['an honest neighbour', 0]],
          [record, [null, 3]],
        ]),
      )
      expect((await world.run(node.history(record, {})))!.rows).toMatchObject([
        { set: { content: null, title: null, metadata: {} }, unreadable: ['title', 'content', 'metadata'] },
      ])
      expect((await world.run(node.conflicts(record, {})))!.rows).toEqual([])
      expect(await world.run(node.episodes({ agent_id: agent, limit: 10 }, {}))).toMatchObject({
        rows: [{ body: null, unreadable: ['body'] }],
      })
      expect((await world.run(node.events(undefined, { limit: 100 })))!.events.length).toBeGreaterThanOrEqual(3)
      for (const answer of [memory, rows]) expect(JSON.parse(JSON.stringify(answer))).toEqual(answer)
      expect((await world.run(node.health()))!.reasons).toContainEqual(
        expect.stringContaining('4 texts are not what their fields allow'),
      )
      expect(await world.run(node.metrics())).toContain('mnemesh_texts_unreadable 4')
    }
    // What is unreadable can be written over.
    await world.run(world.peer(0).node.patch(record, { title: 'mended' }, { agent }))
    expect((await world.run(world.peer(0).node.get(record, {})))!.memory).toMatchObject({
      title: 'mended',
      unreadable: ['content', 'metadata'],
    })
  })

  test('that stand side by side in one field are a conflict that can be read', async () => {
    world = await createWorld({ peers: 3, seed: 64 })
    const record = newId() as RecordId
    for (const [n, text] of ['[', '{'].entries()) {
      const bad = pen(world.keys[LIAR]!, n + 1)
      const [content, metadata] = [bodyOf('the same words'), bodyOf(text)]
      const commit = bad.seal(
        { ...said('memory.put'), record, set: { content: { ref: content.ref }, metadata: { ref: metadata.ref } } },
        n,
      )
      give(bad.peer, [commit], [content, metadata], n)
      await world.run(() => world.peer(n).replica.index.chains.get(bad.chain)?.seq === 1)
      if (n === 0) world.partition([0], [1, 2])
    }
    world.network.heal()
    await world.agree()
    const conflicts = (await world.run(world.peer(0).node.conflicts(record, {})))!.rows
    for (const { field, values } of conflicts)
      expect(field === 'metadata' ? values.every(({ unreadable }) => unreadable === true) : true).toBe(true)
    expect((await world.run(world.peer(0).node.get(record, {})))!.memory).toMatchObject({
      content: 'the same words',
      unreadable: ['metadata'],
    })
  })
})

describe('forks of one member', () => {
  /** A proof that `keys` wrote two first commits of its n-th chain. */
  const forkOf = (keys: KeyPair, n: number): Uint8Array => {
    const [a, b] = [pen(keys, 10 + n), pen(keys, 10 + n)]
    const event = { ...said('episode.append'), event_type: 'lied' }
    return makeForkProof(
      1,
      { before: [], commits: [a.seal(event)] },
      { before: [], commits: [b.seal({ ...event, id: newId() as EventId })] },
    )!
  }
  const tell = (to: number, proofs: readonly Uint8Array[]): void =>
    world.peer(to).shell.feed({ kind: 'forks', from: idOf(LIAR), proofs })

  test('by keys that nobody enrolled neither stop a flush nor hide a real one', async () => {
    world = await createWorld({ peers: 3, seed: 65 })
    const strangers = Array.from({ length: 40 }, () => keyPairFromSeed(world.random.bytes(32)))
    const junk = strangers.map((keys) => forkOf(keys, 1))
    for (let round = 0; round < 50; round++) tell(0, junk)
    await remember(0, 'written meanwhile')
    expect(world.peer(0).replica.forks.all()).toEqual([])
    expect(world.peer(0).replica.lastFailure()).toBeNull()
    tell(0, [forkOf(world.keys[LIAR]!, 1)])
    await world.run(() => [0, 1].every((peer) => world.peer(peer).replica.forks.isFrozen(idOf(LIAR))))
    expect((await world.run(world.peer(0).node.peers()))!.find(({ peer_id }) => peer_id === idOf(LIAR))).toMatchObject({
      forked: true,
    })
    await world.agree([0, 1])
  })

  test(
    'beyond all measure leave nothing of it, alike on every peer, whichever proofs it has, and over a restart',
    { timeout: 60_000 },
    async () => {
      world = await createWorld({ peers: 3, seed: 66 })
      await remember(0, 'an honest neighbour')
      const own = pen(world.keys[LIAR]!, 1)
      const body = bodyOf('said by the liar before it forked')
      const record = newId() as RecordId
      give(own.peer, [own.seal({ ...said('memory.put'), record, set: { content: { ref: body.ref } } })], [body])
      await world.agree()
      await world.stop(LIAR)
      world.partition([0], [1])
      const proofs = Array.from({ length: limits.forks_per_peer_max + 20 }, (_, n) => forkOf(world.keys[LIAR]!, n))
      // One has those at the front, the other those at the back, and few enough that its work still counts.
      tell(0, proofs.slice(0, limits.forks_per_peer_max + 1))
      tell(1, proofs.slice(100))
      await world.run(() => [0, 1].every((peer) => !world.peer(peer).replica.flushing()))
      expect([0, 1].map((peer) => world.peer(peer).replica.forks.isOut(own.peer))).toEqual([true, false])
      world.network.heal()
      await world.agree([0, 1])
      const late = pen(world.keys[LIAR]!, 5_000)
      for (const restarted of [false, true]) {
        if (restarted)
          for (const peer of [0, 1]) {
            await world.stop(peer)
            await world.start(peer)
          }
        await world.run(() => [0, 1].every((peer) => world.peer(peer).replica.forks.isOut(own.peer)))
        await world.agree([0, 1])
        give(own.peer, [late.seal({ ...said('episode.append'), event_type: 'late' })])
        expect(world.peer(0).replica.intake.refused.at(-1)).toMatchObject({ peer: own.peer, reason: 'forked' })
        for (const peer of [0, 1]) {
          expect(
            await world.run(
              world
                .peer(peer)
                .node.get(record, {})
                .then(
                  () => true,
                  () => false,
                ),
            ),
          ).toBe(false)
          expect(world.peer(peer).replica.index.chains.get(own.chain)?.seq ?? 0).toBe(0)
          const { reasons } = (await world.run(world.peer(peer).node.health()))!
          expect(reasons.filter((reason) => reason.includes('two histories'))).toEqual([
            expect.stringContaining('nothing of it counts'),
          ])
        }
      }
      await world.run(() =>
        [0, 1].every((peer) =>
          world
            .peer(peer)
            .mesh.links()
            .some(({ state }) => state === 'up'),
        ),
      )
      await remember(0, 'and on')
    },
  )
})

describe('claims about our own chain', () => {
  const own = () => {
    const { replica } = world.peer(0)
    return { replica, chain: replica.index.chains.get(chainId(replica.self, replica.incarnation(), ns))! }
  }
  const claim = (seq: number): void => {
    const says = {
      mesh: world.peer(0).replica.index.mesh,
      voter: idOf(LIAR),
      watermarks: [
        { chain: own().chain.id, seq, hash: bytesToHex(sha256(`claimed ${seq}`)) as CommitHash, whole: true },
      ],
    }
    world.peer(0).shell.feed({ kind: 'acked', from: idOf(LIAR), ack: signAck(says, world.keys[LIAR]!) })
  }
  /** The next commit of peer 0's chain, by its own key: what a copy of its folder would have written. */
  const continued = (): Commit => {
    const { chain, replica } = own()
    const event: Event = {
      v: 1,
      id: uuidV7(world.time.now(), world.random.bytes(10)) as EventId,
      ns,
      agent,
      at: new Date(world.time.now()).toISOString(),
      kind: 'episode.append',
      event_type: 'copied',
    }
    const events = [{ bytes: encodeEvent(event), event, attestation: null }]
    return sealCommit(
      {
        mesh: replica.index.mesh,
        namespace: ns,
        peer: chain.peer,
        incarnation: chain.incarnation,
        seq: chain.seq + 1,
        prev: chain.hash,
        history: bytesToHex(historyRoot(chain.history)),
        hlc: tick(chain.hlc, world.time.now()),
        policy: replica.index.control.head!,
        segment: null,
        deps: [],
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        changeHash: null,
      },
      events,
      world.keys[0]!,
    )
  }
  const label = (chain: Commit['chain'], seq: number, bytes: Uint8Array): void =>
    world
      .peer(0)
      .shell.feed({ kind: 'received', from: idOf(LIAR), parcels: [{ chain, seq, bytes, bodies: [] }], delivery: 0 })

  test('begin no new incarnation, however many: forty writes stay one chain', async () => {
    world = await createWorld({ peers: 3, seed: 61 })
    await remember(0, 'the first')
    const before = own().replica.incarnation()
    for (let n = 0; n < 40; n++) {
      claim(1_000_000 + n)
      // A label on somebody else's bytes, and on none.
      label(own().chain.id, 2_000 + n, n % 2 === 0 ? new Uint8Array(8) : continued().bytes)
      await remember(0, `write ${n}`)
    }
    expect(own().replica.incarnation()).toBe(before)
    expect(
      [...own().replica.index.chains.values()].filter(
        ({ peer, namespace }) => peer === own().replica.self && namespace === ns,
      ),
    ).toHaveLength(1)
    await world.agree()
  })

  test('are evidence when our own signature is on them: we go on in a new chain, and nobody forks', async () => {
    world = await createWorld({ peers: 3, seed: 62 })
    await remember(0, 'the first')
    const before = own().replica.incarnation()
    const commit = continued()
    give(idOf(LIAR), [commit])
    const { replica } = world.peer(0)
    expect(replica.incarnation()).not.toBe(before)
    await remember(0, 'and on')
    await world.agree()
    for (const peer of [0, 1, 2]) {
      expect(world.peer(peer).replica.forks.all()).toEqual([])
      expect(world.peer(peer).replica.index.chains.get(commit.chain)).toMatchObject({
        seq: commit.header.seq,
        hash: commit.hash,
      })
    }
  })
})
