/** The format level of a mesh whose peers run builds one version apart: raised when all voters read it, refused by name before. */
import { afterEach, expect, test } from 'vitest'
import { encodeLevel } from '../../crdt/invite.ts'
import type { AgentId, EventId, Namespace } from '../../crdt/ids.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { sha256 } from '../../crdt/hash.ts'
import type { MemoryInput } from '../api.ts'
import type { Build } from '../peer.ts'
import { FAR, FUTURE, FUTURE_KIND, FUTURE_LEVEL, PAST } from '../testing/builds.ts'
import { createWorld, type World } from '../testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const options = { agent, quorum: 1 }

let world: World
afterEach(() => world.stopAll())

const full = (peer: number): readonly number[] => [0, 1, 2].filter((other) => other < peer)
const meshOf = async (builds: Build[], role?: (peer: number) => 'voter' | 'observer'): Promise<Build[]> => {
  world = await createWorld({
    peers: builds.length,
    seed: 17,
    dials: full,
    build: (peer) => builds[peer]!,
    ...(role && { role }),
  })
  await world.agree()
  return builds
}
const raise = (level: number, by = world.authority) =>
  world.run(world.peer(0).node.raiseLevel(encodeLevel(world.peer(0).replica.index.mesh, level, world.time.now(), by)))
const roll = async (peer: number): Promise<void> => {
  await world.stop(peer)
  await world.start(peer)
  await world.run(
    () =>
      world
        .peer(peer)
        .mesh.links()
        .filter(({ state }) => state === 'up').length === 2,
  )
}
const put = async (peer: number, content: string, more: Partial<MemoryInput> = {}) =>
  (await world.run(world.peer(peer).node.remember(ns, { content, ...more }, options)))!
/** As the door of a later program would: an event of a kind that only that one knows. */
const note = async (peer: number, n: number) => {
  const event = `00000000-0000-4000-8000-00000000000${n}` as EventId
  const draft = {
    event,
    agent,
    at: '2026-01-01T00:00:00.000Z',
    op: 'episode' as const,
    event_type: 'note',
    kind: FUTURE_KIND,
  }
  return world.run(
    world
      .peer(peer)
      .shell.write({
        kind: 'write',
        request: {
          id: -n,
          namespace: ns,
          drafts: [draft],
          bodies: [],
          precondition: null,
          idempotent: false,
          again: false,
          quorum: 1,
          deadlineMs: world.time.now() + 5_000,
        },
      }),
  )
}
const unknownOn = async (peer: number) =>
  (await world.run(world.peer(peer).node.events(undefined, { limit: 100 })))!.events.flatMap(({ event, unknown }) =>
    unknown === undefined ? [] : [`${String(event['kind'])}: ${unknown.join()}`],
  )
const scopes = async (peer: number) =>
  (await world.run(world.peer(peer).node.list({ namespace: ns }, { limit: 100 }, {})))!.rows
    .map(({ content, scope }) => `${content} ${scope}`)
    .sort()

test('LV8 the authority raises the level when all voters read it, and is told who does not before', async () => {
  const builds = await meshOf([FUTURE, PAST, PAST])
  await expect(raise(FUTURE_LEVEL, keyPairFromSeed(sha256('nobody')))).rejects.toMatchObject({ code: 'bad_signature' })
  await expect(raise(FUTURE_LEVEL)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/peer-1 reads up to level 1, peer-2 reads up to level 1; upgrade/),
    fields: {
      level: 1,
      voters_below: [
        { name: 'peer-1', reads: 1 },
        { name: 'peer-2', reads: 1 },
      ],
    },
  })
  builds[1] = FUTURE
  await roll(1)
  // Who is away is judged by what it told last.
  await world.stop(2)
  await expect(raise(FUTURE_LEVEL)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/read it: peer-2 reads up to level 1;/),
  })
  builds[2] = FUTURE
  await world.start(2)
  await world.run(() => world.peer(2).replica.linked.size === 2)
  expect(await raise(FUTURE_LEVEL)).toEqual({ level: FUTURE_LEVEL, observers_below: [] })
  await expect(raise(FUTURE_LEVEL)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('already'),
  })
  await expect(raise(FUTURE_LEVEL + 1)).rejects.toMatchObject({
    fields: { voters_below: [{ name: 'peer-0', reads: 2 }, { name: 'peer-1' }, { name: 'peer-2' }] },
  })
  await world.agree()
  expect((await world.run(world.peer(2).node.health()))!.format).toEqual({ level: FUTURE_LEVEL, reads: FUTURE_LEVEL })
})

test('what only the later build knows is kept below the level, derives nothing anywhere, and is read from the level on', async () => {
  const builds = await meshOf([PAST, FUTURE, PAST])
  await put(1, 'early', { scope: 'team' })
  await note(1, 1)
  await put(0, 'plain')
  await world.agree()
  // The same documents on both builds, and nobody shows the scope that one of them wrote.
  for (const peer of [0, 1, 2]) expect(await scopes(peer), `peer ${peer}`).toEqual(['early null', 'plain null'])
  for (const peer of [0, 1, 2])
    expect(await unknownOn(peer), `peer ${peer}`).toEqual(['memory.put: set.scope', `${FUTURE_KIND}: kind`])
  expect((await world.run(world.peer(0).node.health()))!.unknown_events).toBe(2)
  for (const peer of [0, 2]) {
    builds[peer] = FUTURE
    await roll(peer)
  }
  await raise(FUTURE_LEVEL)
  await world.agree()
  await put(2, 'late', { scope: 'team' })
  await note(2, 2)
  await world.agree()
  for (const peer of [0, 1, 2]) {
    expect(await scopes(peer), `peer ${peer}`).toEqual(['early null', 'late team', 'plain null'])
    // What was written before reads as it did.
    expect(await unknownOn(peer), `peer ${peer}`).toEqual(['memory.put: set.scope', `${FUTURE_KIND}: kind`])
    expect(await world.run(world.peer(peer).node.verify())).toMatchObject({ ok: true, unknown_events: 2 })
  }
  // Read again from the disk it is the same.
  await roll(0)
  expect(await scopes(0)).toEqual(['early null', 'late team', 'plain null'])
  await world.agree()
})

test('LV7 an observer below the level replicates without documents and says so; upgraded it shows them', async () => {
  const builds = await meshOf([FUTURE, FUTURE, PAST], (peer) => (peer === 2 ? 'observer' : 'voter'))
  await put(0, 'before')
  expect(await raise(FUTURE_LEVEL)).toMatchObject({
    level: FUTURE_LEVEL,
    observers_below: [{ name: 'peer-2', reads: 1 }],
  })
  // Of this one the observer could derive the same change: it is the level alone that leaves it out. By who knows of the raise.
  await put(0, 'plain')
  await put(0, 'after', { scope: 'team' })
  await note(1, 3)
  await world.run(() => world.peer(2).replica.index.arrivals === world.peer(0).replica.index.arrivals)
  const frontiers = await Promise.all(
    [0, 2].map(async (peer) => (await world.run(world.peer(peer).node.digests()))!.frontier),
  )
  expect(frontiers[0]).toBe(frontiers[1])
  expect(await scopes(2)).toEqual(['before null'])
  expect(await world.run(world.peer(2).node.health())).toMatchObject({
    status: 'degraded',
    writes: false,
    format: { level: 2, reads: 1 },
    reasons: expect.arrayContaining([
      expect.stringMatching(
        /writes format level 2 and this program reads 1: it keeps and hands on everything, shows no memories written since/,
      ),
    ]),
  })
  await expect(put(2, 'by an observer')).rejects.toMatchObject({ fields: { local_committed: false } })
  // What it holds it hands on: to a voter that lacks it, with both others away.
  builds[2] = FUTURE
  await roll(2)
  await world.agree()
  expect(await scopes(2)).toEqual(['after team', 'before null', 'plain null'])
  expect((await world.run(world.peer(2).node.health()))!.status).toBe('ok')
})

test('HS2 a peer that speaks no common version is named with both ranges by those that dial it', async () => {
  const builds = await meshOf([PAST, PAST, PAST])
  await world.stop(0)
  builds[0] = FAR
  await world.start(0)
  await world.run(() =>
    world
      .peer(1)
      .mesh.links()
      .some(({ last_error }) => last_error?.startsWith('version_unsupported') === true),
  )
  const told = (await world.run(world.peer(1).node.peers()))!.find(({ name }) => name === 'peer-0')
  expect(told).toMatchObject({
    link: expect.stringMatching(/down|connecting/),
    last_error:
      'version_unsupported: this peer speaks versions 1-1 of the mesh protocol, the other 2-2: upgrade the older of the two',
  })
  expect((await world.run(world.peer(1).node.health()))!.reasons).toContainEqual(
    expect.stringMatching(/peer-0 .*versions 1-1 .* 2-2/),
  )
})
