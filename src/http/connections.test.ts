/** Many sockets at one door, real ones: who is kept, who gives way, and that nobody else waits. */
import { createServer, get, request as httpRequest, type Server } from 'node:http'
import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'

import { watchConnections, type Connections } from './connections.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'
import { httpLimits } from './limits.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const open = async (options: Parameters<typeof openDoor>[0] = {}): Promise<TestDoor> => {
  const d = await openDoor(options)
  closing.push(() => d.door.close())
  return d
}
const connect = (url: string, first = ''): Promise<net.Socket> =>
  new Promise((resolve) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () =>
      first === '' ? resolve(socket) : socket.write(first, () => resolve(socket)),
    )
    socket.on('error', () => undefined)
    socket.on('data', () => undefined)
    closing.push(() => socket.destroy())
  })
/** Sockets that asked once and keep the connection. */
const idle = async (url: string, count: number): Promise<net.Socket[]> => {
  const sockets: net.Socket[] = []
  while (sockets.length < count) {
    const some = await Promise.all(
      Array.from({ length: Math.min(256, count - sockets.length) }, async () => {
        const socket = await connect(url, 'GET /api/v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n')
        await new Promise((resolve) => socket.once('data', resolve))
        return socket
      }),
    )
    sockets.push(...some)
  }
  return sockets
}
const upgrade = async (url: string, headers: readonly string[] = []): Promise<string> => {
  const socket = await connect(url)
  socket.write(
    [
      'GET /mesh HTTP/1.1',
      `host: ${new URL(url).host}`,
      'connection: upgrade',
      'upgrade: websocket',
      ...headers,
      '',
      '',
    ].join('\r\n'),
  )
  return new Promise((resolve) =>
    socket.once('data', (data) => resolve(data.toString())).once('close', () => resolve('closed')),
  )
}
const timed = async <T>(ask: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> => {
  const from = performance.now()
  const value = await ask()
  return { value, ms: performance.now() - from }
}
const mesh = {
  '/mesh': (_request: unknown, socket: { write(text: string): void }) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
}

describe('idle sockets', () => {
  test('as many as there may be and more keep neither clients nor mesh links out; the longest idle give way', async () => {
    const d = await open({ upgrades: mesh })
    const sockets = await idle(d.url, httpLimits.http_connections_max)
    const stored = await timed(() => d.send('POST', '/memories', { content: 'x' }))
    expect(stored.value.status).toBe(201)
    expect(stored.ms).toBeLessThan(1_000)
    expect(await upgrade(d.url)).toContain('101')
    await expect.poll(() => sockets[0]!.destroyed).toBe(true)
    expect(sockets.slice(10).every((socket) => !socket.destroyed)).toBe(true)
  }, 30_000)

  test('slow headers by thousands: the oldest newcomers give way, clients are answered', async () => {
    const d = await open({ upgrades: mesh })
    const sockets = await Promise.all(
      Array.from({ length: httpLimits.http_newcomers_max }, () =>
        connect(d.url, 'GET /api/v1/health HTTP/1.1\r\nx-slow: '),
      ),
    )
    expect((await d.send('POST', '/memories', { content: 'x' })).status).toBe(201)
    expect(await upgrade(d.url)).toContain('101')
    await expect.poll(() => sockets[0]!.destroyed).toBe(true)
    expect(sockets.at(-1)!.destroyed).toBe(false)
  }, 30_000)

  test('mesh sockets have their own bound and never keep HTTP out', async () => {
    const d = await open({ upgrades: mesh })
    for (let opened = 0; opened < httpLimits.upgraded_sockets_max; opened += 64)
      expect(
        (await Promise.all(Array.from({ length: 64 }, () => upgrade(d.url)))).every((said) => said.includes('101')),
      ).toBe(true)
    expect(await upgrade(d.url)).toMatch(/ 429 .*too_many_requests/s)
    expect((await d.send('POST', '/memories', { content: 'x' })).status).toBe(201)
  }, 30_000)
})

describe('bounds, small', () => {
  const BOUNDS = { fresh: 8, http: 4, upgraded: 4, shareOfHttp: 2, shareOfUpgraded: 2 }
  const serve = async (): Promise<{ connections: Connections; server: Server; url: string; release: () => void }> => {
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const server = createServer((request, response) => {
      try {
        connections.enter(request.socket, response)
      } catch {
        response.writeHead(429).end()
        return
      }
      if (request.url === '/sends') connections.awaiting(request.socket)
      if (request.url === '/') response.end('done')
      else void held.then(() => response.end('late'))
    })
    const connections = watchConnections(server, BOUNDS)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => (server.closeAllConnections(), server.close()))
    return { connections, server, url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, release }
  }
  const ask = (url: string): Promise<number> =>
    new Promise((resolve, reject) => {
      get(url, { agent: false }, (response) => (response.resume(), resolve(response.statusCode ?? 0))).on(
        'error',
        reject,
      )
    })

  test('where every socket is owed an answer the newcomer is refused with 429, and let in when one is free', async () => {
    const { connections, url, release } = await serve()
    const busy = Array.from({ length: 4 }, () => ask(`${url}/waits`))
    await expect.poll(() => connections.counts().busy).toBe(4)
    expect(await ask(`${url}/`)).toBe(429)
    release()
    expect(await Promise.all(busy)).toEqual([200, 200, 200, 200])
    expect(await ask(`${url}/`)).toBe(200)
  })

  test('one that has not sent its body gives way, one that is owed an answer does not', async () => {
    const { connections, url, release } = await serve()
    const sending = httpRequest(`${url}/sends`, { method: 'POST', headers: { 'content-length': 9 } })
    const cut = new Promise((resolve) => sending.once('error', resolve))
    sending.flushHeaders()
    await expect.poll(() => connections.counts().sending).toBe(1)
    const busy = Array.from({ length: 3 }, () => ask(`${url}/waits`))
    await expect.poll(() => connections.counts().busy).toBe(3)
    expect(await ask(`${url}/`)).toBe(200)
    await cut
    release()
    expect(await Promise.all(busy)).toEqual([200, 200, 200])
  })
})
