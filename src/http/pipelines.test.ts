/** Clients that ask and do not read: one answer a socket, and a bound on all of them. */
import net from 'node:net'
import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'

import { createPipelines, type PipelineLimits } from './pipelines.ts'
import { openDoor } from './testing/door-client.ts'
import { createUnread } from './unread.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

type Client = { readonly socket: net.Socket; received(): string; readonly closed: Promise<void> }
const connect = (port: number, paused = false): Promise<Client> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    let received = ''
    socket.on('error', () => undefined)
    if (paused) socket.pause()
    else socket.on('data', (data) => (received += data.toString('latin1')))
    closing.push(() => socket.destroy())
    const closed = new Promise<void>((done) => socket.once('close', () => done()))
    socket.once('connect', () => resolve({ socket, received: () => received, closed }))
  })
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`

describe('one request of a socket in hand', () => {
  /** A server whose answers wait until they are let go. */
  const serve = async (bounds?: PipelineLimits) => {
    const inHand: { readonly path: string; readonly response: ServerResponse }[] = []
    const pipelines = createPipelines(bounds)
    const sockets: net.Socket[] = []
    const server: Server = createServer((request, response) =>
      pipelines.turn(response, request.socket, () => inHand.push({ path: request.url!, response })),
    )
    server.on('connection', (socket) => sockets.push(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => (server.closeAllConnections(), server.close()))
    return { inHand, pipelines, sockets, port: (server.address() as net.AddressInfo).port }
  }

  test('each waits for the answer before it, and they come in their order', async () => {
    const { inHand, pipelines, port } = await serve()
    const { socket, received } = await connect(port)
    socket.write(['/<1>', '/<2>', '/<3>'].map(get).join(''))
    for (const path of ['/<1>', '/<2>', '/<3>']) {
      await expect.poll(() => inHand.map((one) => one.path)).toEqual([path])
      inHand.pop()!.response.end(path)
    }
    await expect.poll(() => received().match(/<.>/g)).toEqual(['<1>', '<2>', '<3>'])
    expect(pipelines.waiting()).toBe(0)
  })

  test('a client whose requests are answered at once has one of them begun in a turn of the event loop', async () => {
    let begun = 0
    const pipelines = createPipelines()
    const server = createServer((request, response) =>
      pipelines.turn(response, request.socket, () => {
        begun++
        response.end('.')
      }),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => (server.closeAllConnections(), server.close()))
    const { socket } = await connect((server.address() as net.AddressInfo).port)
    socket.write(get('/').repeat(500))
    let [most, before] = [0, 0]
    while (begun < 500) {
      await new Promise((resolve) => setImmediate(resolve))
      most = Math.max(most, begun - before)
      before = begun
    }
    expect(most).toBeLessThan(3)
  })

  test('of many sockets that ask in one moment so many are begun in a turn, and the others in the next, in their order', async () => {
    const pipelines = createPipelines({ begun: 16, first: 4, read: 64, waiting: 100 })
    const begun: number[] = []
    for (let n = 0; n < 10; n++) {
      const socket = new net.Socket()
      const response = new ServerResponse(new IncomingMessage(socket))
      response.assignSocket(socket)
      pipelines.turn(response, socket, () => begun.push(n))
    }
    expect(begun).toEqual([0, 1, 2, 3])
    for (const soFar of [8, 10]) {
      await new Promise((resolve) => setImmediate(resolve))
      expect(begun).toEqual([...Array(soFar).keys()])
    }
  })

  test('a socket that has had an answer does not stand behind a crowd that asks for the first time', async () => {
    const pipelines = createPipelines({ begun: 16, first: 4, read: 64, waiting: 100 })
    const begun: string[] = []
    const ask = (socket: net.Socket, name: string): ServerResponse => {
      const response = new ServerResponse(new IncomingMessage(socket))
      response.assignSocket(socket)
      pipelines.turn(response, socket, () => begun.push(name))
      return response
    }
    const old = new net.Socket()
    const answer = ask(old, 'old')
    answer.detachSocket(old)
    answer.emit('finish')
    for (let n = 0; n < 100; n++) ask(new net.Socket(), 'new')
    ask(old, 'old again')
    expect(begun).toEqual(['old', 'new', 'new', 'new', 'old again'])
  })

  test('a request whose client went before its turn is not begun', async () => {
    const { inHand, port, sockets } = await serve({ begun: 1, first: 1, read: 64, waiting: 100 })
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect(port)))
    await expect.poll(() => sockets.length).toBe(100)
    for (const { socket } of clients) socket.write(get('/'))
    while (inHand.length < 5) await new Promise((resolve) => setImmediate(resolve))
    const begun = inHand.length
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(begun).toBeLessThan(50)
    expect(inHand.length).toBe(begun)
  })

  test('a socket of which many wait is read no further, and goes on when they are served', async () => {
    const { inHand, pipelines, port } = await serve({ begun: 16, first: 16, read: 4, waiting: 100_000 })
    const { socket, received } = await connect(port)
    const count = 20_000
    socket.write(get('/').repeat(count))
    await expect.poll(() => pipelines.waiting()).toBeGreaterThan(4)
    // A few reads of 64 KiB at most: whatever else comes stays with the client.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(pipelines.waiting()).toBeLessThan(count / 4)
    let answered = 0
    while (answered < count) {
      await expect.poll(() => inHand.length, { interval: 0 }).toBe(1)
      inHand.pop()!.response.end('.')
      answered++
      // By turns of the event loop: polling alone would take an hour.
      for (let idle = 0; answered < count && idle < 1_000; idle++) {
        await new Promise((resolve) => setImmediate(resolve))
        const next = inHand.pop()
        if (next === undefined) continue
        next.response.end('.')
        answered++
        idle = 0
      }
    }
    await expect.poll(() => received().split('HTTP/1.1 200').length - 1).toBe(count)
    expect(pipelines.waiting()).toBe(0)
  }, 60_000)

  test('past the bound of all, the socket that has waited longest goes; nothing is kept of it', async () => {
    const { inHand, pipelines, port } = await serve({ begun: 16, first: 16, read: 100, waiting: 10 })
    const hog = await connect(port)
    hog.socket.write(get('/hog').repeat(9))
    await expect.poll(() => pipelines.waiting()).toBe(8)
    const other = await connect(port)
    other.socket.write(get('/other').repeat(5))
    await hog.closed
    await expect.poll(() => pipelines.waiting()).toBe(4)
    expect(inHand.map(({ path }) => path)).toEqual(['/hog', '/other'])
    other.socket.destroy()
    await expect.poll(() => pipelines.waiting()).toBe(0)
  })
})

describe('the door', () => {
  test('of twenty clients that each ask fifty times and never read, each has one list made', async () => {
    const d = await openDoor()
    closing.push(() => d.door.close())
    await d.send(
      'POST',
      '/memories/bulk',
      Array.from({ length: 400 }, (_, n) => ({ content: `${n} ${'x'.repeat(10_000)}` })),
    )
    const before = d.seen.length
    const port = Number(new URL(d.url).port)
    for (let n = 0; n < 20; n++) (await connect(port, true)).socket.write(get('/api/v1/memories?limit=1000').repeat(50))
    await expect.poll(() => d.seen.length - before).toBe(20)
    expect((await d.send('GET', '/health')).status).toBe(200)
    expect(d.seen.slice(before).filter(({ method }) => method === 'list').length).toBe(20)
  })
})

test('three clients that do not read a long list, where two are as much as may be unread: the first is cut off, the others have theirs', async () => {
  const d = await openDoor({ unread: { bytes: 2 * 1024 * 1024, counted: 16 * 1024 } })
  closing.push(() => d.door.close())
  for (let n = 0; n < 6; n++)
    await d.send(
      'POST',
      '/memories/bulk',
      Array.from({ length: 60 }, () => ({ content: 'y'.repeat(65_536) })),
    )
  const port = Number(new URL(d.url).port)
  const clients: Client[] = []
  for (let n = 0; n < 3; n++) {
    const client = await connect(port, true)
    client.socket.write(get('/api/v1/memories?limit=1000'))
    clients.push(client)
    await expect.poll(() => d.seen.filter(({ method }) => method === 'list').length).toBe(n + 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const bytes = clients.map(
    ({ socket }) =>
      new Promise<number>((resolve) => {
        let count = 0
        socket
          .on('data', (data) => {
            count += data.length
            if (count > 360 * 65_536) resolve(count)
          })
          .once('close', () => resolve(count))
          .resume()
      }),
  )
  const [first = 0, ...others] = await Promise.all(bytes)
  expect(first).toBeLessThan(12 * 1024 * 1024)
  expect(others.every((count) => count > 360 * 65_536)).toBe(true)
}, 30_000)

test('of answers that nobody takes, the one unread for longest goes where they are too many bytes', () => {
  const unread = createUnread({ bytes: 100, counted: 10 })
  const made = (name: string) => {
    let close = (): void => undefined
    const response = {
      destroyed: false,
      once: (_event: string, call: () => void) => (close = call),
      destroy: () => (response.destroyed = true),
    }
    return { name, response, gone: () => response.destroyed, close: () => close() }
  }
  const [a, b, c, d] = [made('a'), made('b'), made('c'), made('d')]
  unread.owe(a.response, 'x'.repeat(40))
  unread.owe(b.response, new Uint8Array(40))
  unread.owe(c.response, 'small')
  expect([unread.bytes(), a.gone()]).toEqual([80, false])
  unread.owe(d.response, 'x'.repeat(50))
  expect([unread.bytes(), a.gone(), b.gone(), c.gone(), d.gone()]).toEqual([90, true, false, false, false])
  a.close()
  b.close()
  d.close()
  expect(unread.bytes()).toBe(0)
})
