/** The WebSocket driver: the contract, what it refuses, and two meshes that meet over real sockets. */
import { createServer, type Server } from 'node:http'
import { connect as connectTcp, type AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { socketContract } from './contract.ts'
import { createMesh } from './mesh.ts'
import type { Socket } from './ports.ts'
import { createTestHost, peerOf } from './test-host.ts'
import { rethrow, seededBytes } from './test-world.ts'
import {
  createWebSocketAcceptor,
  createWebSocketDialer,
  systemTimers,
  zlibCompression,
  type Admits,
} from './websocket.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** An HTTP server on loopback that upgrades `/mesh`. */
const serve = async (accept: (socket: Socket) => void, admits?: Admits) => {
  const server: Server = createServer((_request, response) => response.end('http'))
  const acceptor = createWebSocketAcceptor(systemTimers, accept, admits)
  server.on('upgrade', acceptor.handleUpgrade)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    acceptor.close()
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  const connections = (): Promise<number> =>
    new Promise((done, fail) => server.getConnections((error, count) => (error === null ? done(count) : fail(error))))
  return { port, url: `ws://127.0.0.1:${port}/mesh`, stop, connections }
}
const until = (fact: () => boolean): Promise<void> =>
  vi.waitUntil(fact, { timeout: 5_000, interval: 2 }).then(() => undefined)

socketContract('websocket', async () => {
  const accepted: Socket[] = []
  const { url, stop } = await serve((socket) => accepted.push(socket))
  return { url, deadUrl: 'ws://127.0.0.1:1/mesh', dialer: createWebSocketDialer(systemTimers), accepted, until, stop }
})

/** The first line that the server answers to these bytes. */
const firstLine = (port: number, request: string): Promise<string> =>
  new Promise((done, fail) => {
    const socket = connectTcp(port, '127.0.0.1', () => socket.write(request))
    socket.once('data', (data) => {
      done(data.toString().split('\r\n', 1)[0]!)
      socket.destroy()
    })
    socket.once('error', fail)
  })
const upgrade = (path: string, extra = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra}\r\n`

test('WS1 only /mesh is upgraded, and not with a heap of headers', async () => {
  const { port, stop } = await serve(() => {})
  stops.push(stop)
  expect(await firstLine(port, upgrade('/mesh'))).toContain('101')
  expect(await firstLine(port, upgrade('/other'))).toContain('404')
  expect(
    await firstLine(port, upgrade('/mesh', Array.from({ length: 200 }, (_, n) => `x-${n}: 1\r\n`).join(''))),
  ).toContain('431')
})

test('WS2 text frames, frames beyond the limit and foreign pings harm nobody else', async () => {
  const closed: string[] = []
  const { url, stop } = await serve((socket) =>
    socket.listen({ message: () => {}, drained: () => {}, closed: (reason) => closed.push(reason) }),
  )
  stops.push(stop)
  const open = async (): Promise<WebSocket> => {
    const ws = new WebSocket(url)
    ws.on('error', () => {})
    await until(() => ws.readyState === WebSocket.OPEN)
    return ws
  }
  const text = await open()
  text.send('hello')
  await until(() => closed.length === 1)
  expect(closed[0]).toBe('malformed_frame')
  const large = await open()
  large.send(new Uint8Array(5 * 1024 * 1024))
  await until(() => closed.length === 2)
  expect(closed[1]).toMatch(/payload/i)
  const pinger = await open()
  let pongs = 0
  pinger.on('pong', () => pongs++)
  for (let n = 0; n < 1_000; n++) pinger.ping()
  const other = await open()
  other.close()
  await until(() => closed.length === 3)
  expect(pongs).toBe(0)
  pinger.terminate()
})

test('WK3 the dialer names itself to the door, which may let it in where others are refused', async () => {
  const [member, asked, accepted] = [peerOf('b'), [] as (string | null)[], [] as Socket[]]
  const { url, stop } = await serve(
    (socket) => accepted.push(socket),
    (_address, claimed) => {
      asked.push(claimed)
      return claimed === member
    },
  )
  stops.push(stop)
  const dial = (self: Parameters<typeof createWebSocketDialer>[1]): Promise<string> =>
    new Promise((done) =>
      createWebSocketDialer(systemTimers, self).dial(
        url,
        (socket) => {
          socket.close('stopping')
          done('opened')
        },
        done,
      ),
    )
  expect(await dial(null)).toContain('503')
  expect(await dial(peerOf('c'))).toContain('503')
  expect(await dial(member)).toBe('opened')
  expect([asked, accepted.length]).toEqual([[null, peerOf('c'), member], 1])
})

test('WK3 one that was refused, or gave way to others, holds no place, whatever its own side keeps open', async () => {
  const accepted: Socket[] = []
  let admitted = false
  const { port, stop, connections } = await serve(
    (socket) => accepted.push(socket),
    () => admitted,
  )
  stops.push(stop)
  /** Resolves when it has been answered, whatever it was. */
  const halfOpen = (): Promise<void> =>
    new Promise((answered) => {
      const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(upgrade('/mesh')))
      socket.on('error', () => undefined)
      socket.on('data', () => answered())
      stops.unshift(async () => void socket.destroy())
    })
  await halfOpen()
  await vi.waitUntil(async () => (await connections()) === 0, { timeout: 1_000, interval: 5 })
  admitted = true
  await halfOpen()
  await until(() => accepted.length === 1)
  accepted[0]!.listen({ message: () => {}, drained: () => {}, closed: () => {} })
  accepted[0]!.close('too_many_sockets')
  await vi.waitUntil(async () => (await connections()) === 0, { timeout: 1_000, interval: 5 })
  expect(accepted).toHaveLength(1)
})

test('WS3 compression gives back what it got, and null for junk and for bombs', () => {
  const bytes = new Uint8Array(100_000).fill(5)
  const small = zlibCompression.deflate(bytes)
  expect(small.length).toBeLessThan(1_000)
  expect(zlibCompression.inflate(small, 100_000)).toHaveLength(100_000)
  expect(zlibCompression.inflate(small, 99_999)).toBeNull()
  expect(zlibCompression.inflate(Uint8Array.of(255, 1, 2, 3), 1_000)).toBeNull()
})

test('WS4 two meshes meet over real sockets: push, catch-up and compression', async () => {
  const authority = createTestHost('authority', { timers: systemTimers })
  for (const name of ['a', 'b']) authority.enrol(peerOf(name), 'voter')
  const start = async (name: string, urls: readonly string[]) => {
    const host = createTestHost(name, { timers: systemTimers, flushMs: 1 })
    host.joinFrom(authority)
    const mesh = createMesh({
      host: host.host,
      timers: systemTimers,
      random: seededBytes(name),
      dialer: createWebSocketDialer(systemTimers),
      compression: zlibCompression,
      urls,
      fault: rethrow,
    })
    host.attach(mesh)
    const server = await serve(mesh.accept)
    stops.push(async () => {
      await mesh.stop()
      await server.stop()
    })
    mesh.start()
    return { ...host, mesh, url: server.url }
  }
  const a = await start('a', [])
  a.author(2_000, 200, 300)
  await until(() => a.commits() === 2_002)
  const b = await start('b', [a.url])
  await until(() => b.commits() === 2_002 && b.host.missingBodies(1).length === 0)
  b.author(10)
  await until(() => a.commits() === 2_012 && a.digest() === b.digest())
  expect(a.mesh.links()).toMatchObject([{ peer: peerOf('b'), state: 'up', last_error: null }])
})
