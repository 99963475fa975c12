/** A recovery on running peers: who runs on hears of it over its links, nothing that the survivors hold changes, and who comes back late is out. */
import { afterEach, expect, test } from 'vitest'
import { withVotes } from '../../crdt/commit.ts'
import { authorityAt, sealControl } from '../../crdt/control.ts'
import type { ControlEvent } from '../../crdt/event.ts'
import { tick } from '../../crdt/hlc.ts'
import { encodeInvite, encodeJoin } from '../../crdt/invite.ts'
import { bytesToHex, type PeerId, type PublicKey } from '../../crdt/ids.ts'
import { sha256 } from '../../crdt/hash.ts'
import { keyPairFromSeed, publicKeyHex } from '../../crdt/signature.ts'
import { signRecovery } from '../../crdt/vote.ts'
import { extended, lastOf, readControlLog, writeControlLog } from '../membership/control-log.ts'
import { recovery as recoveryStatement, revocation } from '../membership/statements.ts'
import { openMemoryStore } from '../store/memory.ts'
import { createWorld, type World } from '../testing/world.ts'

const HOUR_MS = 3_600_000
const RECOVERY_KEYS = ['one', 'two', 'three'].map((name) => keyPairFromSeed(sha256(name)))
const NEXT = keyPairFromSeed(sha256('who governs next'))

let world: World
afterEach(() => world.stopAll())

const idOf = (peer: number): PeerId => publicKeyHex(world.keys[peer]!) as PeerId
const control = (peer: number) => world.peer(peer).replica.index.control
/** What `mesh recover` writes into the folder of a stopped peer. */
const recover = async (peer: number, without: readonly number[]): Promise<string> => {
  const { mesh } = control(2)
  const store = openMemoryStore({ random: world.random, disk: world.disks[peer]! })
  const saying = { clock: world.time, random: world.random }
  const log = readControlLog(mesh, store)
  const out: ControlEvent[] = []
  for (const lost of without)
    for (const statement of revocation(saying, log.state, idOf(lost), await lastOf(store, idOf(lost))))
      for (const event of statement) out.push(event)
  const bare = sealControl(
    log.chain,
    [recoveryStatement(saying, NEXT), ...out],
    tick(log.chain.hlc, world.time.now()),
    NEXT,
  )
  const commit = withVotes(
    bare,
    RECOVERY_KEYS.slice(1).map((key) => signRecovery(bare, key)),
  )
  await writeControlLog(store, extended(log, commit), log.commits.length)
  await store.close()
  world.authorities[peer] = NEXT
  return commit.hash
}

test('of four voters two are lost, the authority too: the one that ran on hears what the recovery keys said, and the two go on', async () => {
  const keys = RECOVERY_KEYS.map((pair) => publicKeyHex(pair) as PublicKey)
  world = await createWorld({
    peers: 4,
    seed: 21,
    recovery: { threshold: 2, keys },
    dials: (peer) => [0, 1, 2, 3].filter((other) => other < peer),
  })
  await world.agree()
  for (const peer of [0, 3]) await world.stop(peer)
  await world.stop(1)
  const head = await recover(1, [0, 3])
  await world.start(1)
  await world.run(() => control(2).head === head)
  expect([1, 2].map((peer) => authorityAt(control(peer), control(peer).seq))).toEqual([
    publicKeyHex(NEXT),
    publicKeyHex(NEXT),
  ])
  await world.agree([1, 2])

  const invite = encodeInvite(
    {
      mesh: control(1).mesh,
      id: bytesToHex(sha256('late').subarray(0, 16)),
      role: 'observer',
      expiresMs: world.time.now() + HOUR_MS,
      urls: [],
    },
    NEXT,
  )
  await world.run(world.peer(1).node.join(encodeJoin(invite, 'late', keyPairFromSeed(sha256('key of late')))))
  await world.run(() => [1, 2].every((peer) => [...control(peer).members.values()].some(({ name }) => name === 'late')))
  // Who held the old key is told that it is out, and says nothing any more.
  await world.start(0)
  await world.run(() => control(0).members.get(idOf(0))?.revoked !== null)
  expect(world.peer(0).replica.mayWrite.refusal()).toMatchObject({ code: 'forbidden' })
})
