/** What a table of chains leaves out, of a member that is taken out and of one that goes on: members stay equal, nothing acknowledged is lost. */
import { afterEach, describe, expect, test } from 'vitest'
import { isCutWhole } from '../crdt/control.ts'
import type { AgentId, Namespace, PeerId, RecordId } from '../crdt/ids.ts'
import { encodeLeaveBehind, encodeRevoke } from '../crdt/invite.ts'
import { limits } from '../crdt/limits.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const YEAR_MS = 365 * 86_400_000

let world: World
afterEach(() => world.stopAll())

const everybody = (peers: number) => ({
  peers,
  dials: (peer: number) => [...Array(peers).keys()].filter((other) => other < peer),
})
const passing = (ms: number): Promise<void> =>
  world.run(new Promise<void>((resolve) => void world.time.after(ms, resolve)), ms + 60_000) as Promise<void>
const read = async (peer: number, id: RecordId, token?: string) =>
  (await world.run(world.peer(peer).node.get(id, { ...(token !== undefined && { token, wait_ms: 20_000 }) })))!.memory
const isHere = (peer: number, id: RecordId): Promise<boolean> =>
  read(peer, id).then(
    () => true,
    () => false,
  )
/** Reading is slow in a virtual world. */
const some = <T>(all: readonly T[]): readonly T[] => all.filter((_, i) => i % 20 === 0)
const meshId = () => world.peer(0).replica.index.mesh
const selfOf = (peer: number): PeerId => world.peer(peer).replica.self
const memberAt = (peer: number, whose: PeerId) => world.peer(peer).replica.index.control.members.get(whose)!
const revoke = (whose: PeerId) =>
  world.run(world.peer(0).node.revoke(encodeRevoke(meshId(), whose, world.time.now(), world.authority)))
const leaveBehind = (whose: PeerId) =>
  world.run(world.peer(0).node.leaveBehind(encodeLeaveBehind(meshId(), whose, world.time.now(), world.authority)))
const remember = async (peer: number, namespace: string, content: string, quorum: number) =>
  (await world.run(world.peer(peer).node.remember(namespace as Namespace, { content }, { agent, quorum })))!

describe('a member of any number of chains is taken out', () => {
  test.each([
    [200, 1],
    [650, 2],
  ])(
    '%s chains: %s statements, all that was acknowledged counts and nothing since',
    async (namespaces, statements) => {
      world = await createWorld({ ...everybody(3), seed: 7 })
      await passing(1_500)
      const made = await Promise.all([...Array(namespaces).keys()].map((i) => remember(2, `ns/${i}`, `of ${i}`, 3)))
      await world.agree()
      const whose = selfOf(2)
      // Nobody hears of this.
      world.partition([0, 1], [2])
      const unheard = await remember(2, 'ns/0', 'unheard', 1)
      await revoke(whose)
      await world.agree([0, 1])
      const states = [0, 1].map((peer) => memberAt(peer, whose))
      for (const { revoked, cuts } of states)
        expect([revoked, cuts.map(({ cut }) => [cut.isWhole, cut.told])]).toEqual([{ seq: 2 }, [[true, namespaces]]])
      expect(world.peer(0).replica.index.control.seq).toBe(1 + statements)
      world.network.heal()
      await passing(3_000)
      await world.agree([0, 1])
      for (const peer of [0, 1]) {
        for (const { id } of some(made)) expect(await isHere(peer, id)).toBe(true)
        expect(await isHere(peer, unheard.id)).toBe(false)
      }
      await expect(revoke(whose)).rejects.toMatchObject({ code: 'conflict' })
    },
    180_000,
  )

  test('a statement that was cut short has it out at once, leaves nothing out, and is made whole by asking again', async () => {
    let refusing = false
    let since = 0
    // The second statement of the two finds the authority's disk full.
    world = await createWorld({
      ...everybody(3),
      seed: 8,
      flush: (peer) =>
        peer === 0 && refusing && ++since > 1
          ? Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
          : Promise.resolve(),
    })
    await passing(1_500)
    const made = await Promise.all([...Array(650).keys()].map((i) => remember(2, `ns/${i}`, `of ${i}`, 3)))
    await world.agree()
    const whose = selfOf(2)
    refusing = true
    await expect(revoke(whose)).rejects.toMatchObject({ code: expect.stringMatching(/disk_full|internal/) })
    refusing = false
    await world.run(() => memberAt(1, whose).revoked !== null)
    expect(isCutWhole(memberAt(1, whose))).toBe(false)
    for (const { id } of some(made)) expect(await isHere(1, id)).toBe(true)
    await passing(2_000)
    await revoke(whose)
    await world.agree([0, 1])
    for (const peer of [0, 1])
      expect([memberAt(peer, whose).revoked, isCutWhole(memberAt(peer, whose))]).toEqual([{ seq: 2 }, true])
    for (const { id } of some(made)) for (const peer of [0, 1]) expect(await isHere(peer, id)).toBe(true)
  }, 180_000)
})

test('what was sealed a year ahead is left behind and written again, once, by who wrote it, and its peer goes on', async () => {
  world = await createWorld({ ...everybody(3), seed: 9 })
  await passing(1_500)
  const old = await remember(2, ns, 'of before', 3)
  await world.agree()
  world.partition([0, 1], [2])
  await passing(limits.clock_reading_ms_max + 1_000)
  world.clockAheadMs[2] = YEAR_MS
  const node = () => world.peer(2).node
  const made = await remember(2, ns, 'of next year', 1)
  await world.run(node().patch(made.id, { title: 'titled next year' }, { agent, quorum: 1 }))
  await world.run(node().patch(old.id, { priority: 9 }, { agent, quorum: 1 }))
  const episode = (await world.run(node().appendEpisode(ns, { event_type: 'call' }, { agent, quorum: 1 })))!
  world.clockAheadMs[2] = 0
  world.network.heal()
  await passing(5_000)
  // Right again, and stuck: what it wrote waits everywhere for a year.
  await expect(world.run(node().patch(old.id, { priority: 7 }, { agent, quorum: 1 }))).rejects.toMatchObject({
    code: 'clock_off',
  })
  expect(await isHere(0, made.id)).toBe(false)

  await leaveBehind(selfOf(2))
  await world.agree()
  for (const peer of [0, 1, 2]) {
    expect(await read(peer, made.id, episode.token), `on peer ${peer}`).toMatchObject({
      content: 'of next year',
      title: 'titled next year',
    })
    expect(await read(peer, old.id)).toMatchObject({ priority: 9, content: 'of before' })
    expect(
      (await world.run(world.peer(peer).node.health()))!.reasons.filter((reason) => /clock|ahead/.test(reason)),
    ).toEqual([])
  }
  await world.run(
    () =>
      world
        .peer(2)
        .mesh.links()
        .filter(({ state }) => state === 'up').length === 2,
  )
  const changed = (await world.run(node().patch(old.id, { priority: 7 }, { agent, quorum: 3 })))!
  expect(await read(0, old.id, changed.token)).toMatchObject({ priority: 7 })
  expect(memberAt(1, selfOf(2)).revoked).toBe(null)
  // Once, over a restart too.
  const before = world.peer(0).replica.index.arrivals
  await world.stop(2)
  await world.start(2)
  await passing(3_000)
  await world.agree()
  expect(world.peer(0).replica.index.arrivals).toBe(before)
}, 180_000)
