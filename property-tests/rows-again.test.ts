/**
 * What changes the past touches its own rows alone: a text that comes behind its commit, a fork, a crash in between. All other rows
 * stay where they are, and a projection is never emptied.
 */
import { afterEach, expect, test } from 'vitest'
import { emptyChain, extendChain, type ChainState } from '../crdt/chain.ts'
import { makeBody, type Body } from '../crdt/body.ts'
import { chainId, eventsRoot, sealCommit, type Commit } from '../crdt/commit.ts'
import { encodeEvent, type Event } from '../crdt/event.ts'
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
import type { Frontier, ProjectionBatch } from '../src/ports/projection.ts'
import { placeOf } from '../src/store/memory.ts'
import { logFrontier } from '../src/service/log-frontier.ts'
import { createWorld, type World } from '../src/testing/world.ts'
import { createDumbProjection, type DumbProjection } from './model/projection.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const MEMORIES = 40
const LIAR = 2
const inc = incarnation(Date.UTC(2026, 0, 1), 7)
const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const bodyOf = (text: string): Body => makeBody(new Uint8Array(16).fill(text.length), new TextEncoder().encode(text))
const said = <Kind extends string>(kind: Kind, n: number) => ({
  v: 1 as const,
  id: uuid(n) as EventId,
  ns,
  kind,
  agent,
  at: '2026-01-01T00:00:00.000Z',
})

let world: World
afterEach(() => world.stopAll())

/** Rows that outlive their peer's restarts, what was written to them, and how often they were dropped. */
const watched = () => {
  const rows = createDumbProjection()
  const told = { resets: 0, written: [] as ProjectionBatch[] }
  let failing = 0
  const projection: DumbProjection = {
    ...rows,
    apply: async (batch) => {
      if (batch.mends !== undefined && failing-- > 0) throw new Error('the machine goes down')
      told.written.push(batch)
      await rows.apply(batch)
    },
    reset: async () => {
      told.resets++
      await rows.reset()
    },
  }
  return { projection, told, fail: (times: number) => void (failing = times) }
}
type Watched = ReturnType<typeof watched>

const begun = async (): Promise<Watched[]> => {
  const watchers = [watched(), watched(), watched()]
  world = await createWorld({ peers: 3, seed: 77, projection: (peer) => watchers[peer]!.projection })
  await world.stop(LIAR)
  for (let n = 0; n < MEMORIES; n++)
    await world.run(world.peer(n % 2).node.remember(ns, { content: `memory ${n}` }, { agent, quorum: 2 }))
  await world.agree([0, 1])
  await caughtUp(watchers)
  return watchers
}
/** What the rows name of each chain then is what its log does. */
const caughtUp = async (watchers: readonly Watched[]): Promise<void> => {
  await world.run(() =>
    [0, 1].every((peer) => {
      const [{ index, revision }, at] = [world.peer(peer).replica, watchers[peer]!.projection.cursor()]
      return at?.arrival === index.arrivals && at.revision === revision.current()
    }),
  )
  const named = await Promise.all(
    [0, 1].map(
      async (peer) => (await watchers[peer]!.projection.episodes({ agent_id: agent, limit: 1 }, 'full')).frontier,
    ),
  )
  expect(named).toEqual([0, 1].map((peer) => logFrontier(world.peer(peer).replica.index)))
}
const forget = (watchers: readonly Watched[]): void => watchers.forEach(({ told }) => told.written.splice(0))
const again = ({ told }: Watched): readonly string[] =>
  [
    ...new Set(
      told.written
        .filter(({ mends }) => mends !== undefined)
        .flatMap(({ memories, links, episodes, removed }) =>
          [...memories, ...links, ...episodes]
            .map(({ id }) => id as string)
            .concat(removed?.memories ?? [], removed?.links ?? [], removed?.episodes ?? []),
        ),
    ),
  ].sort()
const shownAs = (watchers: readonly Watched[], id: string) =>
  [0, 1].map((peer) => watchers[peer]!.projection.memories().find((row) => row.id === id)?.content)

/** Commits in the liar's name, given to one peer alone. */
const liar = (victim: number) => {
  const keys = world.keys[LIAR]!
  const peer = publicKeyHex(keys) as PeerId
  const chain = chainId(peer, inc, ns)
  let state: ChainState = emptyChain(chain, peer, inc, ns)
  let hlc = 0 as Hlc
  const say = (segment: SegmentId | null, event: Event, bodies: readonly Body[]): Commit => {
    const { replica, shell } = world.peer(victim)
    const open = segment && replica.documents.open({ namespace: ns, id: segment }).segment
    const derivation = open && derive(open, { peer, incarnation: inc, chain }, [...open.heads].sort(), [event as never])
    if (derivation && 'refused' in derivation) throw new Error(derivation.refused)
    const events = [{ bytes: encodeEvent(event), event, attestation: null }]
    hlc = tick(hlc, world.time.now() + 1_000)
    const commit = sealCommit(
      {
        mesh: replica.index.mesh,
        namespace: ns,
        peer,
        incarnation: inc,
        seq: state.seq + 1,
        prev: state.hash,
        history: bytesToHex(historyRoot(state.history)),
        hlc,
        policy: replica.index.control.head!,
        segment,
        deps: derivation?.deps ?? [],
        eventsRoot: eventsRoot(events),
        eventCount: 1,
        changeHash: derivation?.hash ?? null,
      },
      events,
      keys,
    )
    state = extendChain(state, commit, 0)
    shell.feed({
      kind: 'received',
      from: peer,
      parcels: [{ chain, seq: commit.header.seq, bytes: commit.bytes, bodies }],
      delivery: 0,
    })
    return commit
  }
  return {
    peer,
    chain,
    say,
    put: (n: number, text: Body, bodies: readonly Body[] = [text]) =>
      say(
        segmentId(peer, 0),
        { ...said('memory.put', n), record: uuid(100 + n) as RecordId, set: { content: { ref: text.ref } } },
        bodies,
      ),
  }
}

test('a text that comes behind its commit brings its own memory up to date, and no other', async () => {
  const watchers = await begun()
  const careless = liar(0)
  const [late, other] = [bodyOf('comes late'), bodyOf('came with its commit')]
  careless.put(1, late, [])
  careless.put(2, other)
  await world.agree([0, 1])
  await caughtUp(watchers)
  expect(shownAs(watchers, uuid(101))).toEqual([null, null])
  forget(watchers)
  world.peer(0).shell.feed({ kind: 'bodies', from: careless.peer, bodies: [late], delivery: 0 })
  await world.run(() => [0, 1].every((peer) => world.peer(peer).replica.missing.size === 0))
  await caughtUp(watchers)
  expect(shownAs(watchers, uuid(101))).toEqual(['comes late', 'comes late'])
  expect([0, 1].map((peer) => [again(watchers[peer]!), watchers[peer]!.told.resets])).toEqual([
    [[uuid(101)], 0],
    [[uuid(101)], 0],
  ])
  expect(await world.peer(0).node.metrics()).toMatch(/^mnemesh_rows_written_again 1$/m)
})

test('a text that waits for the disk beside its own commit is taken with it, and changes no past', async () => {
  await begun()
  const careless = liar(0)
  const text = bodyOf('on its way at the same time')
  const { shell, replica } = world.peer(0)
  // The disk is busy, so both wait: the commit without its text, then the text.
  careless.say(null, { ...said('episode.append', 9), event_type: 'keeps the disk busy' }, [])
  expect(replica.flushing()).toBe(true)
  careless.put(1, text, [])
  shell.feed({ kind: 'bodies', from: careless.peer, bodies: [text], delivery: 0 })
  await world.run(() => replica.index.chains.get(careless.chain)?.seq === 2)
  expect([replica.missing.size, replica.revision.current()]).toEqual([0, 0])
  expect((await world.run(world.peer(0).node.get(uuid(101) as RecordId, {})))!.memory.content).toBe(
    'on its way at the same time',
  )
})

test('a fork takes away what it leaves out and what rested on that, through crashes, and nothing else', async () => {
  const watchers = await begun()
  const [first] = watchers[0]!.projection.memories()
  const events = watchers[0]!.projection.allEvents().length
  world.partition([0], [1])
  const left = liar(0)
  left.put(1, bodyOf('left history'))
  left.say(segmentId(first!.peer_id, 0), { ...said('memory.patch', 2), record: first!.id, set: { priority: 9 } }, [])
  left.say(null, { ...said('episode.append', 3), event_type: 'said' }, [])
  await world.run(() => world.peer(0).replica.index.chains.get(left.chain)?.seq === 3)
  const built = (await world.run(world.peer(0).node.patch(first!.id, { title: 'on top of it' }, { agent, quorum: 1 })))!
  const right = liar(1)
  right.put(4, bodyOf('the right history'))
  await world.run(() => world.peer(1).replica.index.chains.get(right.chain)?.seq === 1)
  await caughtUp(watchers)
  const row = (peer: number) => watchers[peer]!.projection.memories().find(({ id }) => id === first!.id)
  expect([row(0)?.priority, row(0)?.title, watchers[0]!.projection.allEpisodes().length]).toEqual([
    9,
    'on top of it',
    1,
  ])
  forget(watchers)
  watchers[0]!.fail(3)
  world.network.heal()
  await world.agree([0, 1])
  await world.run(() => [0, 1].every((peer) => world.peer(peer).replica.forks.isFrozen(left.peer)))
  await caughtUp(watchers)
  await world.stop(0)
  await world.start(0)
  await world.agree([0, 1])
  await caughtUp(watchers)
  expect([row(0)?.priority, row(0)?.title, row(1)?.title, built.id]).toEqual([
    5,
    'on top of it',
    'on top of it',
    first!.id,
  ])
  expect(
    watchers
      .slice(0, 2)
      .map(({ projection }) => [
        projection.memories().length,
        projection.allEpisodes().length,
        projection.allEvents().length,
      ]),
  ).toEqual([
    [MEMORIES, 0, events + 1],
    [MEMORIES, 0, events + 1],
  ])
  // No more than what the two histories and the honest change on top of them said.
  expect(again(watchers[0]!).filter((id) => ![first!.id, uuid(101), uuid(104), uuid(3)].includes(id))).toEqual([])
  expect(again(watchers[1]!).filter((id) => ![first!.id, uuid(101), uuid(104), uuid(3)].includes(id))).toEqual([])
  expect(watchers.map(({ told }) => told.resets)).toEqual([0, 0, 0])
})

test('rows that are further behind than is remembered are gone through whole, in place', async () => {
  const watchers = await begun()
  const { replica } = world.peer(0)
  const careless = liar(0)
  careless.put(1, bodyOf('with its text'))
  await world.agree([0, 1])
  await caughtUp(watchers)
  await world.stop(0)
  const fact = world.disks[0]!.factByName.get('log/revision')
  expect(fact).toBeUndefined()
  // A fact that cannot be read: which reading of the log it was nobody knows.
  world.disks[0]!.factByName.set('log/revision', { value: new Uint8Array([1]), sum: 'not its sum' })
  await world.start(0)
  forget(watchers)
  await world.run(world.peer(0).node.remember(ns, { content: 'goes on' }, { agent, quorum: 1 }))
  await caughtUp(watchers)
  expect(again(watchers[0]!)).toHaveLength(MEMORIES + 1)
  expect([watchers[0]!.told.resets, watchers[0]!.projection.memories().length, replica.index.arrivals > 0]).toEqual([
    0,
    MEMORIES + 2,
    true,
  ])
})

test('a chain of which all was damaged is not named before its commits are given again, and then as far as they go', async () => {
  const watchers = await begun()
  const alone = 'team/alone' as Namespace
  for (const content of ['one', 'two'])
    await world.run(world.peer(0).node.remember(alone, { content }, { agent, quorum: 2 }))
  await world.agree([0, 1])
  const [chain] = world.peer(0).replica.index.chains.latestIn(alone)
  await world.stop(1)
  const { commitByPlace } = world.disks[1]!
  for (const seq of [1, 2]) {
    const kept = commitByPlace.get(placeOf(chain!.id, seq))!
    commitByPlace.set(placeOf(chain!.id, seq), {
      ...kept,
      commit: { ...kept.commit, bytes: kept.commit.bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) },
    })
  }
  watchers[1]!.projection.lose()
  world.partition([0], [1])
  await world.start(1)
  await caughtUp(watchers)
  const namedOn = async (peer: number): Promise<number | undefined> =>
    ((await watchers[peer]!.projection.episodes({ agent_id: agent, limit: 1 }, 'full')).frontier as Frontier)[alone]?.[
      chain!.id
    ]
  expect([await namedOn(0), await namedOn(1), world.peer(1).replica.index.holes.size]).toEqual([2, undefined, 2])
  world.network.heal()
  await world.run(() => world.peer(1).replica.index.holes.size === 0)
  await caughtUp(watchers)
  expect([await namedOn(0), await namedOn(1), watchers[1]!.projection.memories().length]).toEqual([2, 2, MEMORIES + 2])
})
