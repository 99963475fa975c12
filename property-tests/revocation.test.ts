/** A member is revoked before the authority has heard all of it: what it said since is left out, and what others built on that is not lost. */
import { afterEach, expect, test } from 'vitest'
import type { AgentId, Namespace, RecordId } from '../crdt/ids.ts'
import { encodeRevoke } from '../crdt/invite.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const REVOKED = 3

let world: World
afterEach(() => world.stopAll())

const read = async (peer: number, id: RecordId, token?: string) =>
  (await world.run(world.peer(peer).node.get(id, { ...(token !== undefined && { token, wait_ms: 100 }) })))!.memory

test('what was built on words that a revocation leaves out is said again, and waited for by whoever saw it', async () => {
  world = await createWorld({ peers: 4, seed: 31, dials: (peer) => [0, 1, 2, 3].filter((other) => other < peer) })
  const whose = world.peer(1)
  const made = (await world.run(whose.node.remember(ns, { content: 'the plan' }, { agent, quorum: 4 })))!
  await world.agree([0, 1, 2, REVOKED])
  // The authority hears nothing of this.
  world.partition([0], [1, 2, REVOKED])
  await world.run(world.peer(REVOKED).node.patch(made.id, { priority: 9 }, { agent, quorum: 3 }))
  const built = (await world.run(whose.node.patch(made.id, { title: 'the plan, reviewed' }, { agent, quorum: 2 })))!
  expect(await read(2, made.id, built.token)).toMatchObject({ priority: 9, title: 'the plan, reviewed' })

  const self = world.peer(REVOKED).replica.self
  const revoking = world
    .peer(0)
    .node.revoke(encodeRevoke(world.peer(0).replica.index.mesh, self, world.time.now(), world.authority))
  // It names what the authority knows now, and is in force when a majority has countersigned it.
  await expect(world.run(revoking)).rejects.toMatchObject({ code: 'quorum_not_met', fields: { proposed: true } })
  // Whoever wrote on top of it is away when the others learn of it.
  world.network.heal()
  world.partition([1], [0, 2, REVOKED])
  await world.run(() => world.peer(2).replica.index.control.members.get(self)?.revoked !== null)
  await expect(read(2, made.id, built.token)).rejects.toMatchObject({ code: 'not_yet_here' })
  expect(await read(2, made.id)).toMatchObject({ priority: 5, title: null })

  world.network.heal()
  await world.agree([0, 1, 2])
  for (const peer of [0, 1, 2])
    expect(await read(peer, made.id, built.token), `on peer ${peer}`).toMatchObject({
      priority: 5,
      title: 'the plan, reviewed',
    })
  // Once, over a restart too.
  await world.stop(1)
  await world.start(1)
  await world.agree([0, 1, 2])
  const history = (await world.run(world.peer(2).node.history(made.id, {})))!.rows
  expect(history.filter(({ event_id }) => event_id === built.event_id)).toHaveLength(1)
})
