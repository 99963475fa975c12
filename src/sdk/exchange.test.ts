/**
 * Requests over kept connections: late answers, broken and stale connections, things that are not HTTP.
 */
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { createClient } from './client.ts'
import { exchange } from './exchange.ts'

const listening = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

test('no answer in time is said with the time', async () => {
  const server = createServer((socket) => socket.resume().on('error', () => undefined))
  const url = await listening(server)
  await expect(
    createClient({ target: async () => ({ url, key: null }) }).call('GET', '/stats', { timeout_ms: 50 }),
  ).rejects.toThrow(`${url} did not answer within 0.05 s`)
  await closed(server)
})

test('a connection that breaks in the middle of an answer is a failure, not half an answer', async () => {
  const server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"half":', () => socket.destroy()),
      ),
  )
  const url = await listening(server)
  await expect(createClient({ target: async () => ({ url, key: null }) }).call('GET', '/stats')).rejects.toThrow(
    `cannot reach ${url}`,
  )
  await closed(server)
})

test('what is not HTTP is named', async () => {
  const server = createServer((socket) =>
    socket.on('error', () => undefined).once('data', () => socket.end('SSH-2.0-x\r\n')),
  )
  const url = await listening(server)
  await expect(createClient({ target: async () => ({ url, key: null }) }).call('GET', '/stats')).rejects.toThrow(
    'is not HTTP; check --url',
  )
  await closed(server)
})

test('a kept connection that has gone stale: a read is asked again, a write is not', async () => {
  const server = createServer((socket) => {
    let requests = 0
    socket.on('error', () => undefined)
    socket.on('data', () => {
      if (++requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
      else socket.resetAndDestroy()
    })
  })
  const url = await listening(server)
  const ask = (method: string): Promise<{ readonly text: string }> =>
    exchange({ method, url, headers: {}, timeout_ms: 5_000 })
  expect((await ask('GET')).text).toBe('{}')
  expect((await ask('GET')).text).toBe('{}')
  await expect(ask('POST')).rejects.toMatchObject({ code: 'ECONNRESET' })
  await closed(server)
})

test('a redirect is an answer: the key goes nowhere else', async () => {
  const asked: (string | undefined)[] = []
  const server = createHttpServer((request, response) => {
    asked.push(request.headers.authorization)
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  const url = await listening(server)
  await expect(createClient({ target: async () => ({ url, key: 'secret' }) }).call('GET', '/stats')).rejects.toThrow(
    "answered 302 with something that is not mnemesh's",
  )
  expect(asked).toEqual(['Bearer secret'])
  server.closeAllConnections()
  await closed(server)
})
