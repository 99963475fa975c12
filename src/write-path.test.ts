/**
 * The tour: one write through three peers in memory, every effect in its order, against a golden file. Read
 * `write-path.golden.txt` beside `src/replica/types.ts`: it shows that PERSIST completes before anybody is told, that PUSH does
 * not wait for it, and that the answer waits for a second voter.
 */
import { afterAll, expect, test } from 'vitest'
import type { AgentId, Namespace } from '../crdt/ids.ts'
import type { Effect } from './replica/types.ts'
import { createWorld, type World } from './testing/world.ts'

let world: World
afterAll(() => world.stopAll())

test('one write, traced through three peers', async () => {
  const lines: string[] = []
  let recording = false
  world = await createWorld({
    peers: 3,
    seed: 1,
    dials: (peer) => [0, 1, 2].filter((other) => other < peer),
    observe: (peer, effect) => {
      if (recording) lines.push(`peer-${peer}  ${describe(effect)}`)
    },
  })
  await world.run(() =>
    world.peers.every((peer) => peer!.mesh.links().filter(({ state }) => state === 'up').length === 2),
  )
  // Quiet: whatever the links had to tell each other has been told.
  await world.run(() => world.peers.every((peer) => !peer!.replica.flushing()))
  await world.run(() => false, 1_000).catch(() => undefined)

  recording = true
  const answer = await world.run(
    world
      .peer(0)
      .node.remember(
        'team/api' as Namespace,
        { content: 'the deploy key lives in the vault' },
        { agent: 'ai:alice' as AgentId },
      ),
  )
  lines.push(`        answer: ${answer!.quorum_acks} voters acknowledged`)
  await world.run(() => world.peers.every((peer) => peer!.replica.index.arrivals === 2))
  await world.run(() => false, 200).catch(() => undefined)

  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('write-path.golden.txt')
  const order = lines.map((line) => line.slice(8).split(' ')[0])
  expect(order.indexOf('PERSIST')).toBeLessThan(order.indexOf('PUSH'))
  expect(lines.findIndex((line) => line.endsWith('ACK to the author: up to seq 1, whole'))).toBeLessThan(
    lines.findIndex((line) => line.startsWith('peer-0  RESOLVE')),
  )
})

const describe = (effect: Effect): string => {
  switch (effect.kind) {
    case 'PERSIST':
      return `PERSIST flush ${effect.flush}: ${effect.batch.commits?.length ?? 0} commit, ${effect.batch.bodies?.length ?? 0} body`
    case 'PUSH':
      return `PUSH ${effect.parcels.length} commit to every link`
    case 'ACK':
      return `ACK ${effect.to !== null ? 'to the author' : effect.but ? 'to all others, later' : 'to all, later'}: ${effect.ack.watermarks.map(({ seq, whole }) => `up to seq ${seq}${whole ? ', whole' : ''}`).join('; ')}`
    case 'RESOLVE':
      return `RESOLVE ${effect.outcome.kind}`
    case 'GROWN':
      return `GROWN to ${effect.arrivals} arrivals`
    case 'TAKEN':
      return 'TAKEN: credit goes back to the sender'
    default:
      return effect.kind
  }
}
