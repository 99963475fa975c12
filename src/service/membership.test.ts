/** Enrolling and taking out on a running peer: each answer is about that statement, whatever else is on its way to the disk. */
import { afterEach, expect, test } from 'vitest'
import { encodeInvite, encodeJoin, encodeRevoke } from '../../crdt/invite.ts'
import { bytesToHex, type AgentId, type MeshId, type Namespace } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed } from '../../crdt/signature.ts'
import { createWorld, type World } from '../testing/world.ts'

const ns = 'team/api' as Namespace
const agent = 'ai:alice' as AgentId
const HOUR_MS = 3_600_000

let world: World
afterEach(() => world.stopAll())

const mesh = (): MeshId => world.peer(0).replica.index.mesh
const joining = (name: string): Uint8Array => {
  const invite = encodeInvite(
    {
      mesh: mesh(),
      id: bytesToHex(sha256(name).subarray(0, 16)),
      role: 'voter',
      expiresMs: world.time.now() + HOUR_MS,
      urls: [],
    },
    world.authority,
  )
  return encodeJoin(invite, name, keyPairFromSeed(sha256(`key of ${name}`)))
}
const members = (peer: number) => [...world.peer(peer).replica.index.control.members.values()]

test('who joins while others write is told so, and asked again is told the same', async () => {
  world = await createWorld({ peers: 2, seed: 5 })
  const { node } = world.peer(0)
  const writing = node.remember(ns, { content: 'on its way to the disk' }, { agent, quorum: 1 })
  const both = [node.join(joining('third')), node.join(joining('fourth'))]
  const [one, two] = (await world.run(Promise.all(both)))!
  expect([one!.length, two!.length]).toEqual([2, 3])
  expect(await world.run(node.join(joining('third')))).toHaveLength(3)
  await world.run(writing)
  await world.agree()
  for (const peer of [0, 1])
    expect(members(peer).map(({ name }) => name)).toEqual(['peer-0', 'peer-1', 'third', 'fourth'])
})

test('a peer that knows it was taken out takes no writes, and says why', async () => {
  world = await createWorld({ peers: 3, seed: 6 })
  // Of all peers the one with the authority's key learns of it for sure: the others are cut off before.
  const self = world.peer(0).replica.self
  await world.run(world.peer(0).node.revoke(encodeRevoke(mesh(), self, world.time.now(), world.authority)))
  await expect(
    world.run(world.peer(0).node.remember(ns, { content: 'too late' }, { agent, quorum: 1 })),
  ).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('taken out'),
    fields: { local_committed: false },
  })
  // Nor is it told to start the others.
  expect((await world.run(world.peer(0).node.health()))!.reasons).toEqual([expect.stringContaining('taken out')])
  await expect(
    world.run(world.peer(0).node.revoke(encodeRevoke(mesh(), self, world.time.now(), world.authority))),
  ).rejects.toMatchObject({ code: 'conflict' })
})

test('who made a statement is told which voters have it, waits for those that are connected and for no other', async () => {
  world = await createWorld({ peers: 4, seed: 7 })
  await world.run(() => world.peer(0).replica.linked.size === 3)
  await world.run(world.peer(0).node.join(joining('fourth')))
  const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name)
  const told = (await world.run(world.peer(0).node.controlApplied(5_000)))!
  expect([told.seq, names(told.applied), names(told.not_yet)]).toEqual([
    2,
    ['peer-0', 'peer-1', 'peer-2', 'peer-3'],
    ['fourth'],
  ])
  await world.stop(3)
  await world.run(world.peer(0).node.join(joining('fifth')))
  const startMs = world.time.now()
  const away = (await world.run(world.peer(0).node.controlApplied(5_000)))!
  expect(away).toMatchObject({
    seq: 3,
    not_yet: [{ name: 'peer-3', connected: false }, { name: 'fourth' }, { name: 'fifth' }],
  })
  expect(names(away.applied)).toEqual(['peer-0', 'peer-1', 'peer-2'])
  expect(world.time.now() - startMs).toBeLessThan(1_000)
})
