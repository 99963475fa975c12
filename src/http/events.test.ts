/** The log as pages and as a stream, and what a closing door does with both. */
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { NodeError } from '../errors.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'
import { httpLimits } from './limits.ts'

let d: TestDoor
beforeEach(async () => {
  d = await openDoor()
})
afterEach(() => d.door.close())

const store = (namespace = 'default', content = 'x') => d.send('POST', '/memories', { content, namespace })

type Stream = {
  readonly status: number
  readonly received: () => string
  readonly ids: () => string[]
  readonly closed: Promise<void>
  readonly end: () => void
}
const streamOf = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Stream> =>
  new Promise((resolve, reject) => {
    const request = http.get(
      `${d.url}/api/v1${path}`,
      { headers: { accept: 'text/event-stream', ...headers }, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        const closed = new Promise<void>((done) => response.once('close', done))
        resolve({
          status: response.statusCode ?? 0,
          received: () => text,
          ids: () => [...text.matchAll(/^id: (\S+)\nevent: /gm)].map((match) => match[1]!),
          closed,
          end: () => request.destroy(),
        })
      },
    )
    request.once('error', reject)
  })

describe('events as pages', () => {
  test('go on from the cursor, to the end, also past a page that was all filtered out', async () => {
    for (const namespace of ['a', 'b', 'b', 'a', 'b']) await store(namespace)
    const seen: unknown[] = []
    let after: string | null = null
    for (let page = 0; page < 6; page++) {
      const { body }: { body: Readonly<Record<string, unknown>> } = await d.send(
        'GET',
        `/events?limit=1&namespace=a${after === null ? '' : `&after=${after}`}`,
      )
      seen.push(...(body['events'] as { cursor: string }[]).map(({ cursor }) => cursor))
      after = body['next'] as string
    }
    expect(seen).toEqual(['c1', 'c4'])
  })
})

describe('events live', () => {
  test('what is there comes first, then what comes, each with its cursor as id', async () => {
    await store()
    const stream = await streamOf('/events')
    await expect.poll(stream.ids).toEqual(['c1'])
    await store()
    await store()
    await expect.poll(stream.ids).toEqual(['c1', 'c2', 'c3'])
    expect(JSON.parse(/^data: (.*)$/m.exec(stream.received())![1]!)).toMatchObject({
      cursor: 'c1',
      kind: 'memory.put',
      namespace: 'default',
    })
    stream.end()
  })

  test('Last-Event-ID goes before after', async () => {
    for (let i = 0; i < 4; i++) await store()
    const stream = await streamOf('/events?after=c1', { 'last-event-id': 'c3' })
    await expect.poll(stream.ids).toEqual(['c4'])
    stream.end()
  })

  test('a page that was all filtered out does not stop the stream', async () => {
    for (const namespace of ['b', 'b', 'a']) await store(namespace)
    const stream = await streamOf('/events?namespace=a&limit=1')
    await expect.poll(stream.ids).toEqual(['c3'])
    for (const namespace of ['b', 'a']) await store(namespace)
    await expect.poll(stream.ids).toEqual(['c3', 'c5'])
    stream.end()
  })

  test('a cursor that is none is refused before the stream begins', async () => {
    const stream = await streamOf('/events?after=nonsense')
    expect(stream.status).toBe(400)
    await stream.closed
  })

  test('there are so many streams and no more; one that ends makes room', async () => {
    const streams: Stream[] = []
    for (let i = 0; i < httpLimits.event_streams_max; i++) streams.push(await streamOf('/events'))
    const refused = await streamOf('/events')
    expect(refused.status).toBe(429)
    await refused.closed
    streams[0]!.end()
    await streams[0]!.closed
    await expect
      .poll(async () => {
        const again = await streamOf('/events')
        if (again.status === 200) streams.push(again)
        else await again.closed
        return again.status
      })
      .toBe(200)
    for (const stream of streams) stream.end()
  })

  test('pages of many streams are read one in a turn of the event loop, and all hear of what comes', async () => {
    const streams: Stream[] = []
    for (let i = 0; i < 40; i++) streams.push(await streamOf('/events'))
    const asked = (): number => d.seen.filter(({ method }) => method === 'events').length
    await store('a')
    const perTurn: number[] = []
    let [over, before] = [false, asked()]
    const look = (): void => {
      perTurn.push(asked() - before)
      before = asked()
      if (!over) setImmediate(look)
    }
    setImmediate(look)
    await expect.poll(() => streams.every((stream) => stream.ids().length > 0)).toBe(true)
    over = true
    expect(perTurn.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(30)
    expect(Math.max(...perTurn)).toBe(1)
    for (const stream of streams) stream.end()
  })

  test('a reader that does not read is not read for: the log is taken page by page', async () => {
    await d.send(
      'POST',
      '/memories/bulk',
      Array.from({ length: 1000 }, () => ({ content: 'x' })),
    )
    for (let i = 0; i < 19; i++)
      await d.send(
        'POST',
        '/memories/bulk',
        Array.from({ length: 1000 }, () => ({ content: 'x' })),
      )
    const before = d.seen.length
    const response = await new Promise<http.IncomingMessage>((resolve) =>
      http.get(
        `${d.url}/api/v1/events?limit=1000`,
        { headers: { accept: 'text/event-stream' }, agent: false },
        (answer) => resolve(answer.pause()),
      ),
    )
    const asked = () => d.seen.slice(before).filter(({ method }) => method === 'events').length
    // Other requests pass meanwhile; the stream has stopped asking once the socket's buffers are full.
    let last = -1
    await expect
      .poll(async () => {
        for (let i = 0; i < 20; i++) await d.send('GET', '/quorum')
        const still = asked() === last
        last = asked()
        return still
      })
      .toBe(true)
    expect(asked()).toBeLessThan(20)
    let received = 0
    response.on('data', (chunk: Buffer) => (received += chunk.toString('latin1').split('\nevent: ').length - 1))
    response.resume()
    // All of them, but for the few whose mark lies across two chunks.
    await expect.poll(() => received, { timeout: 5_000 }).toBeGreaterThan(19_500)
    response.destroy()
  })

  test.each([
    [
      'what it is',
      new NodeError('shutting_down', 'the peer stops'),
      { error: 'shutting_down', message: 'the peer stops' },
      0,
    ],
    ['no more than that it broke', new TypeError('a bug'), { error: 'internal' }, 1],
  ])('a node that fails in the middle ends the stream, which tells %s', async (_name, error, told, logged) => {
    const stream = await streamOf('/events')
    await expect.poll(() => d.seen.filter(({ method }) => method === 'events').length).toBe(2)
    d.refuseNext(error, 'events')
    await store()
    await stream.closed
    const [, data] = /event: error\ndata: (.*)\n\n$/.exec(stream.received()) ?? []
    expect(JSON.parse(data ?? 'null')).toMatchObject(told)
    expect(stream.received()).not.toContain('a bug')
    expect(d.logged).toHaveLength(logged)
  })
})

describe('closing', () => {
  test('ends streams, finishes what is in flight, takes nothing new', async () => {
    const stream = await streamOf('/events')
    const release = d.holdNext()
    const writing = store()
    await expect.poll(() => d.seen.at(-1)?.method).toBe('remember')
    const closed = d.door.close()
    await stream.closed
    await expect(fetch(`${d.url}/api/v1/health`)).rejects.toThrow('fetch failed')
    release()
    expect((await writing).status).toBe(201)
    await closed
  })

  test('what was in flight is told that its connection ends; what was half sent, that the peer stops', async () => {
    const held = rawConnection()
    const late = rawConnection()
    const release = d.holdNext()
    held.socket.write('GET /api/v1/quorum HTTP/1.1\r\nHost: localhost\r\n\r\n')
    late.socket.write('POST /api/v1/memories HTTP/1.1\r\nHost: loc')
    await expect.poll(() => d.seen.at(-1)?.method).toBe('quorum')
    const closed = d.door.close()
    const body = '{"content":"x"}'
    late.socket.write(`alhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    await late.gone
    release()
    await held.gone
    await closed
    expect(held.received()).toMatch(/^HTTP\/1.1 200 [^]*connection: close/i)
    expect(late.received()).toMatch(/^HTTP\/1.1 503 [^]*connection: close/i)
    expect(JSON.parse(late.received().split('\r\n\r\n')[1]!)).toMatchObject({
      error: 'shutting_down',
      local_committed: false,
    })
    expect(d.seen.at(-1)?.method).toBe('quorum')
  })
})

const rawConnection = () => {
  const socket = net.connect(Number(new URL(d.url).port), '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString()))
  return { socket, received: () => received, gone: new Promise((resolve) => socket.once('close', resolve)) }
}
