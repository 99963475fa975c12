/** Who gets in: keys, loopback names, foreign pages, upgrades. */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'

import { requiresKey } from './access.ts'
import { createHttpDoor } from './door.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'
import { createNodeDouble } from './testing/node-double.ts'

const opened: TestDoor[] = []
const open: typeof openDoor = async (options) => {
  const door = await openDoor(options)
  opened.push(door)
  return door
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ door }) => door.close()))
})

/** The first bytes that come back for `head`, sent as it stands: fetch would not send these headers. */
const raw = (url: string, head: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () => socket.write([...head, '', ''].join('\r\n')))
    socket.once('data', (data) => {
      resolve(data.toString())
      socket.destroy()
    })
    socket.once('error', reject)
  })

describe('keys', () => {
  test('a keyed door opens to either header, and to nothing else', async () => {
    const d = await open({ keys: ['k-one', 'k-two'] })
    const status = async (headers: Record<string, string>) => (await d.send('GET', '/stats', undefined, { headers })).status
    expect([await status({ authorization: 'Bearer k-one' }), await status({ authorization: 'bearer k-two' }), await status({ 'x-api-key': 'k-two' })]).toEqual([200, 200, 200])
    expect([await status({}), await status({ authorization: 'Bearer k-on' }), await status({ authorization: 'Basic k-one' }), await status({ 'x-api-key': '' }), await status({ 'x-api-key': 'k-one ,k-two' })]).toEqual([401, 401, 401, 401, 401])
    const refusal = await d.send('POST', '/memories', { content: 'x' })
    expect([refusal.body['error'], refusal.headers.get('www-authenticate')]).toEqual(['unauthorized', 'Bearer'])
    expect(d.seen.every(({ method }) => method === 'stats')).toBe(true)
  })

  test('health, metrics, the document and signed mesh requests need none; all else does', async () => {
    const d = await open({ keys: ['k'] })
    const unlocked = []
    for (const { method, path } of d.door.routes.filter((route) => route.method !== 'HEAD')) {
      const response = await fetch(d.url + path.replace(':id', 'x'), { method, ...(method === 'GET' ? {} : { body: '{', headers: { 'content-type': 'application/json' } }) })
      await response.arrayBuffer()
      if (response.status !== 401) unlocked.push(`${method} ${path}`)
    }
    expect(unlocked.sort()).toEqual(['GET /api/v1/health', 'GET /api/v1/metrics', 'GET /api/v1/openapi.json', 'GET /metrics', 'POST /api/v1/mesh/join', 'POST /api/v1/mesh/revoke'])
  })

  test('without a key a door opens on loopback alone, and an empty key is none', async () => {
    expect(['127.0.0.1', '127.9.9.9', 'localhost', '::1', '0.0.0.0', '::', '10.0.0.1', 'example.org', '127.evil.example'].map(requiresKey)).toEqual([false, false, false, false, true, true, true, true, true])
    const options = { port: 0, version: '1', upgrades: {}, log: { error: () => undefined } }
    await expect(createHttpDoor(createNodeDouble().node, { ...options, host: '0.0.0.0', keys: [] })).rejects.toThrow('API key')
    await expect(createHttpDoor(createNodeDouble().node, { ...options, host: '127.0.0.1', keys: [' '] })).rejects.toThrow('empty')
  })
})

describe('a door without keys', () => {
  test('answers to loopback names alone (DNS rebinding)', async () => {
    const d = await open()
    const status = async (...headers: string[]) => Number((await raw(d.url, ['GET /api/v1/stats HTTP/1.1', ...headers])).split(' ')[1])
    for (const host of ['127.0.0.1:1', 'localhost', 'LOCALHOST:80', '[::1]:80', '127.1.2.3']) expect([host, await status(`Host: ${host}`)]).toEqual([host, 200])
    for (const host of ['evil.example', 'evil.example:7701', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.1@evil.example', '10.0.0.1', '[::2]']) expect([host, await status(`Host: ${host}`)]).toEqual([host, 403])
  })

  test('takes no writes from pages of another origin', async () => {
    const d = await open()
    const own = new URL(d.url).origin
    const write = async (origin: string) => (await d.send('POST', '/memories', { content: 'x' }, { headers: { origin } })).status
    expect(await write(own)).toBe(201)
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `${own}.evil.example`]) expect([origin, await write(origin)]).toEqual([origin, 403])
    const read = await d.send('GET', '/stats', undefined, { headers: { origin: 'https://evil.example' } })
    expect([read.status, read.headers.get('access-control-allow-origin')]).toEqual([200, null])
  })
})

describe('upgrades', () => {
  const accept = (_request: IncomingMessage, socket: Duplex) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  const upgrade = (url: string, path: string, ...headers: string[]) => raw(url, [`GET ${path} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket', ...headers])

  test('go to their path\'s handler, are guarded like writes, and end with the door', async () => {
    const d = await openDoor({ upgrades: { '/mesh': accept } })
    const host = `Host: ${new URL(d.url).host}`
    expect(await upgrade(d.url, '/mesh?x=1', host)).toMatch(/ 101 /)
    expect(await upgrade(d.url, '/toString', host)).toMatch(/ 404 /)
    expect(await upgrade(d.url, '/mesh', 'Host: evil.example')).toMatch(/ 403 /)
    expect(await upgrade(d.url, '/mesh', host, 'Origin: https://evil.example')).toMatch(/ 403 /)
    const socket = net.connect(Number(new URL(d.url).port), '127.0.0.1', () => socket.write(`GET /mesh HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`))
    await new Promise((resolve) => socket.once('data', resolve))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await d.door.close()
    await closed
  })
})

test('a port that is taken is said so', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as net.AddressInfo
  const door = await createHttpDoor(createNodeDouble().node, { host: '127.0.0.1', port, keys: [], version: '1', upgrades: {}, log: { error: () => undefined } })
  await expect(door.listen()).rejects.toThrow('EADDRINUSE')
  await door.close()
  await new Promise((resolve) => other.close(resolve))
})
