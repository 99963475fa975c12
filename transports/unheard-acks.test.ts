/** Acks that were given while a link was not open yet (PROTOCOL ACK6). */
import { afterEach, expect, test } from 'vitest'
import type { ChainId } from '../crdt/ids.ts'
import { decode } from './decode.ts'
import { HEARD, createTestWorld, dialRaw, type TestPeer } from './test-world.ts'

const peers: TestPeer[] = []
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.mesh.stop()
})

test('ACK6 what is acknowledged before a link opens is said when it does, once, and nothing else', () => {
  const world = createTestWorld(['a', 'b'])
  const a = world.add('a', [])
  peers.push(a)
  const raw = dialRaw(world, 'b', a.url)
  expect(world.time.runUntil(raw.authenticated, 1_000)).toBe(true)
  raw.say({ type: 'control', seq: a.seqOf(a.host.controlChain) })
  world.time.advance(100)
  a.author(1)
  world.time.advance(100)
  const acks = (): readonly (readonly ChainId[])[] =>
    raw.frames
      .map((frame) => decode(frame, HEARD))
      .flatMap((read) =>
        read.ok && read.message.type === 'ack' ? [read.message.ack.watermarks.map(({ chain }) => chain)] : [],
      )
  expect(acks()).toEqual([])
  raw.say({
    type: 'open',
    epoch: '00',
    arrivals: 0,
    digest: new Uint8Array(16),
    addresses: new Uint8Array(8),
    clock: 1_700_000_000_000,
  })
  expect(world.time.runUntil(() => a.mesh.links().some(({ state }) => state === 'up'), 1_000)).toBe(true)
  world.time.advance(100)
  expect(acks()).toEqual([[a.chain]])
})
