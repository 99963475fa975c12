/** What lies where: every text once, in the place that a loop over the log gives it, equal on peers that hold the same, restarted or not. */
import { afterEach, expect, test } from 'vitest'
import { textsOf } from '../../crdt/commit.ts'
import type { AgentId, Namespace } from '../../crdt/ids.ts'
import { createWorld, type World } from '../testing/world.ts'

const agent = 'ai:alice' as AgentId
const NS = 'team/api' as Namespace
let world: World
afterEach(() => world.stopAll())

test('each text is counted once, by what it is to readers', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 2, seed: 41 })
  const options = { agent, quorum: 2 }
  const text = (bytes: number, letter: string): string => letter.repeat(bytes)
  const make = async (
    content: string,
  ): Promise<Awaited<ReturnType<ReturnType<World['peer']>['node']['remember']>>['id']> =>
    (await world.run(world.peer(0).node.remember(NS, { content }, options)))!.id
  const [a, b, c] = [await make(text(100, 'a')), await make(text(200, 'b')), await make(text(400, 'c'))]
  await world.run(world.peer(1).node.patch(a, { content: text(1_000, 'd'), title: 'tt' }, options))
  await world.run(world.peer(0).node.patch(a, { title: 'ttt' }, options))
  await world.run(world.peer(0).node.forget(b, { ...options, erase: false }))
  await world.run(world.peer(0).node.forget(c, { ...options, erase: true }))
  await world.run(world.peer(1).node.appendEpisode(NS, { event_type: 'step', body: { did: 'x' } }, options))
  // Two at once: both values stand, and both are shown.
  world.partition([0], [1])
  for (const peer of [0, 1])
    await world.run(world.peer(peer).node.patch(a, { source: `peer-${peer}` }, { agent, quorum: 1 }))
  world.network.heal()
  await world.agree()

  const SALT = 16
  const wanted = {
    shown: { texts: 4, bytes: 1_000 + 'ttt'.length + 2 * 'peer-0'.length + 4 * SALT },
    older: { texts: 2, bytes: 100 + 'tt'.length + 2 * SALT },
    forgotten: { texts: 1, bytes: 200 + SALT },
    episodes: { texts: 1, bytes: '{"did":"x"}'.length + SALT },
    left_out: { texts: 0, bytes: 0 },
    missing: { texts: 0, bytes: 0 },
    erased: { texts: 1, bytes: 0 },
    dropped: { texts: 0, bytes: 0 },
  }
  await world.stop(1)
  await world.start(1)
  for (const peer of [0, 1]) {
    const { replica, node } = world.peer(peer)
    const [storage, again] = (await world.run(Promise.all([node.storage(), node.storage()])))!
    expect(storage).toBe(again)
    expect(storage.texts).toEqual(wanted)
    expect(storage.would_free).toEqual({ older: wanted.older.bytes, forgotten: wanted.forgotten.bytes })
    const commits = Array.from({ length: replica.index.arrivals }, (_, n) => replica.commits.arrived(n + 1)!)
    expect(storage.log).toEqual({
      commits: commits.length,
      bytes: commits.reduce((sum, { bytes }) => sum + bytes.length, 0),
    })
    expect(Object.values(storage.texts).reduce((sum, { texts }) => sum + texts, 0)).toBe(
      new Set(commits.flatMap(textsOf)).size,
    )
  }
})
