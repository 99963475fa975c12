/**
 * Receipts of real peers: each shows, to somebody who has nothing but the mesh's id and the names of its voters, as many acks as counted;
 * under load too, when voters acknowledge many commits by naming the last.
 */
import { afterEach, expect, test } from 'vitest'
import { verifyReceipt } from '../crdt/receipt.ts'
import type { AgentId, Namespace } from '../crdt/ids.ts'
import type { Written } from '../src/api.ts'
import type { Effect } from '../src/replica/types.ts'
import { createWorld, type World } from '../src/testing/world.ts'

const namespace = (n: number): Namespace => `team/${n % 3}` as Namespace
const agent = 'ai:alice' as AgentId

let world: World
afterEach(() => world.stopAll())

test(
  'every ack that counted stands in the receipt and covers its commit, tied where it names a later one',
  { timeout: 60_000 },
  async () => {
    // Flushes that take longer than the time between two writes: acks cover several commits.
    let slow = false
    world = await createWorld({
      peers: 3,
      seed: 31,
      delayMs: [1, 30],
      flush: () => (slow ? new Promise((resolve) => void world.time.after(20, () => resolve())) : Promise.resolve()),
    })
    slow = true
    const { mesh } = world.peer(0).replica.index
    const voters = [...world.peer(0).replica.voters()]
    const written: Promise<Written>[] = []
    for (let n = 0; n < 90; n++) {
      written.push(
        world
          .peer(n % 2)
          .node.remember(namespace(n), { content: `memory ${n}` }, { agent, quorum: 2 + (n % 2), timeout_ms: 20_000 }),
      )
      await world.run(new Promise<void>((resolve) => void world.time.after(7, resolve)))
    }
    const receipts = (await world.run(Promise.all(written)))!
    let tied = 0
    for (const { receipt, quorum_acks } of receipts) {
      const shown = verifyReceipt(JSON.parse(JSON.stringify(receipt)), mesh)
      expect(shown).toMatchObject({ ok: true, commit: receipt.commit })
      if (!shown.ok) return
      expect(shown.voters).toHaveLength(quorum_acks)
      for (const voter of shown.voters) expect(voters).toContain(voter)
      tied += receipt.acks.filter(({ tie }) => tie !== null).length
      // Nothing of another chain, though acks speak of several.
      for (const other of receipts)
        if (other.receipt.chain !== receipt.chain)
          expect(JSON.stringify(receipt).includes(other.receipt.chain)).toBe(false)
    }
    expect(tied).toBeGreaterThan(20)
    expect(receipts.some(({ receipt }) => receipt.acks.some(({ count }) => count > 1))).toBe(true)
  },
)

test(
  'a request repeated when its chain has gone on is shown by the same commit, tied to what its voters named since',
  { timeout: 60_000 },
  async () => {
    world = await createWorld({ peers: 2, seed: 32 })
    const once = { agent, quorum: 2, idempotency_key: 'once' }
    const first = (await world.run(world.peer(0).node.remember(namespace(0), { content: 'first' }, once)))!
    for (let n = 0; n < 40; n++)
      await world.run(world.peer(0).node.remember(namespace(0), { content: `later ${n}` }, { agent, quorum: 2 }))
    const again = (await world.run(world.peer(0).node.remember(namespace(0), { content: 'first' }, once)))!
    const { mesh } = world.peer(0).replica.index
    expect(again.receipt).toMatchObject({ commit: first.receipt.commit, seq: first.receipt.seq })
    expect(again.receipt.acks.every(({ tie, seq }) => tie !== null && seq > first.receipt.seq)).toBe(true)
    expect(verifyReceipt(again.receipt, mesh)).toMatchObject({ ok: true, voters: { length: 2 } })
    expect(
      world.peer(0).replica.receipt({ chain: first.receipt.chain as never, seq: first.receipt.seq })!.acks,
    ).toHaveLength(2)
  },
)

test('an ack that was lost with its link is asked for when the link is back', { timeout: 60_000 }, async () => {
  let armed = false
  const asked: number[] = []
  const observe = (peer: number, effect: Effect): void => {
    if (peer === 0 && effect.kind === 'WANT_ACKS') asked.push(effect.chains.length)
    if (!armed || peer !== 1 || effect.kind !== 'ACK' || effect.to === null) return
    armed = false
    world.network.sever(world.url(0), world.url(1))
  }
  world = await createWorld({ peers: 2, seed: 33, observe })
  for (let n = 0; n < 6; n++)
    await world.run(world.peer(0).node.remember(namespace(n), { content: `before ${n}` }, { agent, quorum: 2 }))
  armed = true
  const waiting = world
    .peer(0)
    .node.remember(namespace(0), { content: 'the one' }, { agent, quorum: 2, timeout_ms: 60_000 })
  await world.run(() => !armed, 5_000)
  expect(world.peer(1).replica.index.arrivals).toBe(world.peer(0).replica.index.arrivals)
  expect((await world.run(waiting, 60_000))!.quorum_acks).toBe(2)
  // Of all chains the one that is waited for.
  expect(asked).toEqual([1])
})

test('a request repeated after a restart is shown by acks that are asked for', { timeout: 60_000 }, async () => {
  world = await createWorld({ peers: 2, seed: 34 })
  const once = { agent, quorum: 2, idempotency_key: 'once' }
  const first = (await world.run(world.peer(0).node.remember(namespace(0), { content: 'first' }, once)))!
  await world.stop(0)
  await world.start(0)
  await world.run(
    () =>
      world
        .peer(0)
        .mesh.links()
        .some(({ state }) => state === 'up'),
    10_000,
  )
  const again = (await world.run(world.peer(0).node.remember(namespace(0), { content: 'first' }, once), 10_000))!
  expect(again.receipt.commit).toBe(first.receipt.commit)
  expect(verifyReceipt(again.receipt, world.peer(0).replica.index.mesh)).toMatchObject({
    ok: true,
    voters: { length: 2 },
  })
})
