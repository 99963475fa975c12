/**
 * A write whose quorum cannot be met is answered at once, is kept, and names who is away and what helps.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { AgentId, Namespace } from '../../crdt/ids.ts'
import { NodeError } from '../errors.ts'
import { createWorld, type World } from '../testing/world.ts'
import { unmetMessage } from './unmet.ts'

const ns = 'default' as Namespace
const agent = 'ai:a' as AgentId
let world: World
afterEach(() => world.stopAll())

const unmet = async (peer: number): Promise<{ readonly error: NodeError; readonly ms: number }> => {
  const startMs = world.time.now()
  const error = await world.run(
    world
      .peer(peer)
      .node.remember(ns, { content: 'kept' }, { agent })
      .then(
        () => null,
        (reason: unknown) => reason,
      ),
  )
  if (!(error instanceof NodeError)) throw new Error('it was acknowledged')
  return { error, ms: world.time.now() - startMs }
}
const passing = (ms: number): Promise<void> => new Promise((resolve) => void world.time.after(ms, resolve))

describe('two voters, one of them down', () => {
  test('a write is answered at once, stays, and reaches the other when it is back', async () => {
    world = await createWorld({ peers: 2, seed: 7 })
    await world.stop(1)
    await world.run(passing(2_500))
    const { error, ms } = await unmet(0)
    expect(ms).toBeLessThanOrEqual(100)
    expect(error).toMatchObject({ code: 'quorum_not_met', fields: { got: 1, needed: 2, local_committed: true } })
    expect(error.message).toMatch(/peer-1 \(ws:\/\/peer-1:1\/mesh\) cannot be reached.*mnemesh serve.*\?quorum=1/)
    await world.start(1)
    await world.agree()
  })

  test('a write that is under way when the other goes is answered within half a second of that', async () => {
    world = await createWorld({ peers: 2, seed: 8 })
    world.partition([0], [1])
    const asked = unmet(0)
    await world.run(
      () =>
        world
          .peer(0)
          .mesh.links()
          .every(({ state }) => state !== 'up'),
      4_000,
    )
    const knownMs = world.time.now()
    await asked
    expect(world.time.now() - knownMs).toBeLessThanOrEqual(500)
  })

  test('a write right after the start waits for the link that is coming up', async () => {
    world = await createWorld({ peers: 2, seed: 9 })
    await world.stop(0)
    await world.start(0)
    expect(
      world
        .peer(0)
        .mesh.links()
        .some(({ state }) => state === 'up'),
    ).toBe(false)
    await world.run(world.peer(0).node.remember(ns, { content: 'early' }, { agent }))
  })
})

test('who asks for more voters than there are is told so', () => {
  expect(unmetMessage({ got: 2, needed: 5, cause: 'too_few' }, [])).toMatch(/2 of 5 voters.*no more.*--quorum/)
})
