/** Statements and votes on running peers: what is in force, what waits, and that nothing is in force twice in one place. */
import { afterEach, expect, test } from 'vitest'
import { encodeInvite, encodeJoin, encodeRevoke } from '../../crdt/invite.ts'
import { controlChainId } from '../../crdt/commit.ts'
import { sealControl } from '../../crdt/control.ts'
import type { Hlc } from '../../crdt/hlc.ts'
import { bytesToHex, CONTROL_NAMESPACE, type PeerId, type PublicKey } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { said } from '../../crdt/test-support.ts'
import type { MemoryDisk } from '../store/memory.ts'
import { createWorld, type World } from '../testing/world.ts'

const HOUR_MS = 3_600_000

let world: World
afterEach(() => world.stopAll())

const joining = (name: string): Uint8Array => {
  const { mesh } = world.peer(0).replica.index
  const invite = encodeInvite(
    {
      mesh,
      id: bytesToHex(sha256(name).subarray(0, 16)),
      role: 'observer',
      expiresMs: world.time.now() + HOUR_MS,
      urls: [],
    },
    world.authority,
  )
  return encodeJoin(invite, name, keyPairFromSeed(sha256(`key of ${name}`)))
}
const join = (name: string) => world.run(world.peer(0).node.join(joining(name)))
const names = (peer: number): readonly string[] =>
  [...world.peer(peer).replica.index.control.members.values()]
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('peer-'))
/** Asked for, and in force nowhere: it waits for votes. */
const waits = async (name: string): Promise<void> => {
  await join(name)
  expect(names(0)).not.toContain(name)
  expect(
    world
      .peer(0)
      .replica.governance.pending()
      .flat()
      .map((event) => 'name' in event && event.name),
  ).toContain(name)
}
const missing = (): readonly PeerId[] => world.peer(0).replica.governance.standing().missing
const idOf = (peer: number): PeerId => publicKeyHex(world.keys[peer]!) as PeerId
const copy = (disk: MemoryDisk): MemoryDisk => structuredClone(disk)
const putBack = (index: number, old: MemoryDisk): void => void Object.assign(world.disks[index]!, copy(old))
const full = (peer: number): readonly number[] => [0, 1, 2].filter((other) => other < peer)

test('without a majority nothing is in force, nowhere; with it everywhere, once, by itself', async () => {
  world = await createWorld({ peers: 3, seed: 11, dials: full })
  await world.agree()
  world.partition([0], [1, 2])
  await waits('early')
  // Said again it is the same statement.
  await waits('early')
  expect([0, 1, 2].map(names)).toEqual([[], [], []])
  // Kept over a restart of whoever said it.
  await world.stop(0)
  await world.start(0)
  expect(names(0)).toEqual([])
  world.network.heal()
  await world.run(() => [0, 1, 2].every((peer) => names(peer).join() === 'early'))
  await join('late')
  await world.agree()
  expect([0, 1, 2].map(names)).toEqual(Array.from({ length: 3 }, () => ['early', 'late']))
  expect(world.peer(2).replica.index.control.seq).toBe(3)
})

test('one voter and the authority are enough of three, none of them more', async () => {
  world = await createWorld({ peers: 3, seed: 12, dials: full })
  await world.stop(2)
  await join('one')
  await world.run(() => names(1).join() === 'one')
  await world.stop(1)
  const startMs = world.time.now()
  await waits('two')
  expect(new Set(missing())).toEqual(new Set([idOf(1), idOf(2)]))
  expect(world.time.now() - startMs).toBeLessThan(4_000)
})

test("an old copy of the authority's folder cannot say something else where the others have heard it", async () => {
  world = await createWorld({ peers: 3, seed: 13, dials: full })
  await world.agree()
  await world.stop(0)
  const old = copy(world.disks[0]!)
  await world.start(0)
  await world.run(() => world.peer(0).replica.linked.size === 2)
  await join('first')
  await world.agree()
  await world.stop(0)
  putBack(0, old)
  // It says something before it has met anybody.
  world.partition([0], [1, 2])
  await world.start(0)
  await waits('second')
  world.network.heal()
  await world.run(() => [0, 1, 2].every((peer) => names(peer).join() === 'first,second'))
  await world.agree()
  expect(new Set([0, 1, 2].map((peer) => world.peer(peer).replica.index.control.head)).size).toBe(1)
})

test('a voter votes for one statement a place, also after a crash; what has its vote is finished by whoever holds the key', async () => {
  world = await createWorld({ peers: 3, seed: 14, dials: full })
  await world.agree()
  await world.stop(0)
  const old = copy(world.disks[0]!)
  await world.start(0)
  await world.run(() => world.peer(0).replica.linked.size === 2)
  await world.stop(2)
  // Peer 1 votes, and the authority's process is gone before it hears that.
  const { index } = world.peer(0).replica
  const saying = world
    .peer(0)
    .node.join(joining('begun'))
    .catch(() => null)
  await world.run(() => world.disks[1]!.factByName.has('control/vote'))
  world.partition([0], [1, 2])
  await world.stop(0)
  await saying
  expect(index.control.seq).toBe(1)
  await world.stop(1)
  putBack(0, old)
  world.network.heal()
  for (const peer of [0, 1, 2]) await world.start(peer)
  await world.run(() => world.peer(0).replica.linked.size === 2)
  await join('another')
  await world.run(() => [0, 1, 2].every((peer) => names(peer).length === 2))
  expect([0, 1, 2].map(names)).toEqual(Array.from({ length: 3 }, () => ['begun', 'another']))
})

test('a member may vote on its own revocation, and who is out votes no more', async () => {
  world = await createWorld({ peers: 3, seed: 15, dials: full })
  await world.stop(2)
  const out = publicKeyHex(world.keys[1]!) as PeerId
  await world.run(
    world.peer(0).node.revoke(encodeRevoke(world.peer(0).replica.index.mesh, out, world.time.now(), world.authority)),
  )
  // Two voters are left, the one is away.
  await waits('third')
  expect(missing()).toEqual([idOf(2)])
  await world.start(2)
  await world.run(() => names(2).join() === 'third')
})

test('no voter gives its vote of a place to a recovery: anybody may have made the key that signs it', async () => {
  world = await createWorld({ peers: 2, seed: 16, dials: full })
  await world.agree()
  const { index } = world.peer(1).replica
  const chain = index.chains.get(controlChainId(index.mesh))!
  const stranger = keyPairFromSeed(sha256('a stranger'))
  const recover = { ...said('mesh.recover', 7, CONTROL_NAMESPACE), authority: publicKeyHex(stranger) as PublicKey }
  const before = structuredClone(world.disks[1]!.factByName.get('control/vote'))
  world
    .peer(1)
    .shell.feed({
      kind: 'proposed',
      from: idOf(0),
      commit: sealControl(chain, [recover], (chain.hlc + 1) as Hlc, stranger).bytes,
    })
  await world.run(world.peer(1).shell.settled())
  expect(world.disks[1]!.factByName.get('control/vote')).toEqual(before)
  await join('another')
  await world.run(() => [0, 1].every((peer) => names(peer).join() === 'another'))
})
