/** The network in memory keeps the contract of the socket port, and fails only as it was told to. */
import { expect, test } from 'vitest'
import { socketContract } from './contract.ts'
import { createMemoryNetwork } from './memory.ts'
import type { Socket } from './ports.ts'
import { createVirtualTime } from './virtual-time.ts'

const [HERE, THERE] = ['ws://here:1/mesh', 'ws://there:1/mesh']

socketContract('memory', () => {
  const time = createVirtualTime(0)
  const network = createMemoryNetwork({ timers: time, delayMs: [1, 1] })
  const accepted: Socket[] = []
  const stop = network.listen(THERE, (socket) => accepted.push(socket))
  return Promise.resolve({
    url: THERE,
    deadUrl: 'ws://nobody:1/mesh',
    dialer: network.dialer(HERE),
    accepted,
    until: (fact) => {
      if (!time.runUntil(fact, 10_000)) throw new Error('the fact did not come within 10 s of virtual time')
      return Promise.resolve()
    },
    stop: () => Promise.resolve(stop()),
  })
})

const pair = () => {
  const time = createVirtualTime(0)
  let draws = 0
  const network = createMemoryNetwork({ timers: time, delayMs: [1, 50], random: () => ((draws += 7) % 10) / 10 })
  const heard: number[] = []
  const closed: string[] = []
  network.listen(THERE, (socket) =>
    socket.listen({
      message: (frame) => heard.push(frame[0]!),
      drained: () => {},
      closed: (reason) => closed.push(reason),
    }),
  )
  let near: Socket | null = null
  network.dialer(HERE).dial(
    THERE,
    (socket) => (near = socket),
    (reason) => expect.fail(reason),
  )
  time.runUntil(() => near !== null, 1_000)
  const send = (...bytes: readonly number[]): void => {
    for (const byte of bytes) near!.send(Uint8Array.of(byte))
  }
  return { time, network, heard, closed, send, near: near! }
}

test('delays vary and the order stays', () => {
  const { time, heard, send } = pair()
  send(1, 2, 3, 4, 5)
  time.advance(1_000)
  expect(heard).toEqual([1, 2, 3, 4, 5])
})

test('a cut holds frames back and tells nobody; healed, they arrive in order', () => {
  const { time, network, heard, closed, send, near } = pair()
  network.cut(HERE, THERE)
  send(1, 2)
  time.advance(100_000)
  expect([heard, closed, near.bufferedBytes()]).toEqual([[], [], 2])
  network.heal()
  time.advance(1_000)
  expect(heard).toEqual([1, 2])
})

test('a half-open way loses one direction; drop loses as many frames as it was told; sever ends both ends', () => {
  const { time, network, heard, closed, send } = pair()
  network.halfOpen(THERE, HERE)
  network.drop(HERE, THERE, 2)
  send(1, 2, 3)
  time.advance(1_000)
  expect(heard).toEqual([3])
  network.sever(THERE, HERE)
  expect(closed).toEqual(['reset'])
})
