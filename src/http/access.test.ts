/** Who gets in: keys, loopback names, foreign pages, upgrades. */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'

import { requiresKey } from './access.ts'
import { createHttpDoor } from './door.ts'
import { createGuesses } from './guesses.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'
import { createNodeDouble } from './testing/node-double.ts'
import { httpLimits } from './limits.ts'

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
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () =>
      socket.write([...head, '', ''].join('\r\n')),
    )
    socket.once('data', (data) => {
      resolve(data.toString())
      socket.destroy()
    })
    socket.once('error', reject)
  })

describe('keys', () => {
  test('a keyed door opens to either header, and to nothing else', async () => {
    const d = await open({ keys: ['k-one', 'k-two'] })
    const status = async (headers: Record<string, string>) =>
      (await d.send('GET', '/stats', undefined, { headers })).status
    expect([
      await status({ authorization: 'Bearer k-one' }),
      await status({ authorization: 'bearer k-two' }),
      await status({ 'x-api-key': 'k-two' }),
    ]).toEqual([200, 200, 200])
    expect([
      await status({}),
      await status({ authorization: 'Bearer k-on' }),
      await status({ authorization: 'Basic k-one' }),
      await status({ 'x-api-key': '' }),
      await status({ 'x-api-key': 'k-one ,k-two' }),
    ]).toEqual([401, 401, 401, 401, 401])
    const refusal = await d.send('POST', '/memories', { content: 'x' })
    expect([refusal.body['error'], refusal.headers.get('www-authenticate')]).toEqual(['unauthorized', 'Bearer'])
    expect(d.seen.every(({ method }) => method === 'stats')).toBe(true)
  })

  test('health, metrics, the document, the control log and signed mesh requests need none; all else does', async () => {
    const d = await open({ keys: ['k'] })
    const unlocked = []
    for (const { method, path } of d.door.routes.filter((route) => route.method !== 'HEAD')) {
      const response = await fetch(d.url + path.replace(':id', 'x'), {
        method,
        ...(method === 'GET' ? {} : { body: '{', headers: { 'content-type': 'application/json' } }),
      })
      await response.arrayBuffer()
      if (response.status !== 401) unlocked.push(`${method} ${path}`)
    }
    expect(unlocked.sort()).toEqual([
      'GET /api/v1/health',
      'GET /api/v1/identity',
      'GET /api/v1/mesh/applied',
      'GET /api/v1/mesh/control',
      'GET /api/v1/metrics',
      'GET /api/v1/openapi.json',
      'GET /metrics',
      'POST /api/v1/mesh/join',
      'POST /api/v1/mesh/leave-behind',
      'POST /api/v1/mesh/level',
      'POST /api/v1/mesh/revoke',
    ])
  })

  test('without a key a door opens on loopback alone, and an empty key is none', async () => {
    expect(
      [
        '127.0.0.1',
        '127.9.9.9',
        'localhost',
        '::1',
        '0.0.0.0',
        '::',
        '10.0.0.1',
        'example.org',
        '127.evil.example',
      ].map(requiresKey),
    ).toEqual([false, false, false, false, true, true, true, true, true])
    const options = { port: 0, version: '1', upgrades: {}, log: { error: () => undefined } }
    await expect(createHttpDoor(createNodeDouble().node, { ...options, host: '0.0.0.0', keys: [] })).rejects.toThrow(
      'API key',
    )
    await expect(
      createHttpDoor(createNodeDouble().node, { ...options, host: '127.0.0.1', keys: [' '] }),
    ).rejects.toThrow('empty')
  })
})

describe('a door without keys', () => {
  test('answers to loopback names alone (DNS rebinding)', async () => {
    const d = await open()
    const status = async (...headers: string[]) =>
      Number((await raw(d.url, ['GET /api/v1/stats HTTP/1.1', ...headers])).split(' ')[1])
    for (const host of ['127.0.0.1:1', 'localhost', 'LOCALHOST:80', '[::1]:80', '127.1.2.3'])
      expect([host, await status(`Host: ${host}`)]).toEqual([host, 200])
    for (const host of [
      'evil.example',
      'evil.example:7701',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '127.0.0.1@evil.example',
      '10.0.0.1',
      '[::2]',
    ])
      expect([host, await status(`Host: ${host}`)]).toEqual([host, 403])
  })
})

describe.each([
  ['without keys', []],
  ['with keys', ['k']],
] as const)('pages, %s', (_name, keys) => {
  const key: Readonly<Record<string, string>> = keys.length === 0 ? {} : { 'x-api-key': 'k' }

  test('of another origin neither write nor read, nor follow events', async () => {
    const d = await open({ keys })
    const own = new URL(d.url).origin
    const ask = async (method: string, path: string, origin: string, headers = {}) =>
      (
        await d.send(method, path, method === 'POST' ? { content: 'x' } : undefined, {
          headers: { origin, ...key, ...headers },
        })
      ).status
    expect([await ask('POST', '/memories', own), await ask('GET', '/stats', own)]).toEqual([201, 200])
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `${own}.evil.example`]) {
      expect([
        origin,
        await ask('POST', '/memories', origin),
        await ask('GET', '/stats', origin),
        await ask('GET', '/events', origin, { accept: 'text/event-stream' }),
        await ask('GET', '/health', origin),
      ]).toEqual([origin, 403, 403, 403, 403])
    }
  })

  test('of an origin that is allowed ask and see what they need; others see nothing, preflights included', async () => {
    const d = await open({ keys, cors: ['https://app.example'] })
    const preflight = (origin: string) =>
      fetch(`${d.url}/api/v1/memories/x`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization, if-match, x-agent-id',
          'access-control-request-private-network': 'true',
        },
      })
    const allowed = await preflight('https://app.example')
    expect([
      allowed.status,
      allowed.headers.get('access-control-allow-origin'),
      allowed.headers.get('vary'),
      allowed.headers.get('access-control-allow-private-network'),
    ]).toEqual([204, 'https://app.example', 'origin', 'true'])
    expect(allowed.headers.get('access-control-allow-methods')).toContain('PATCH')
    for (const name of ['authorization', 'x-api-key', 'idempotency-key', 'if-match', 'x-agent-id', 'x-causal-token'])
      expect(allowed.headers.get('access-control-allow-headers')?.split(', ')).toContain(name)
    const stored = await d.send(
      'POST',
      '/memories',
      { content: 'x' },
      { headers: { origin: 'https://app.example', ...key } },
    )
    expect([stored.status, stored.headers.get('access-control-allow-origin')]).toEqual([201, 'https://app.example'])
    for (const name of ['etag', 'retry-after', 'location'])
      expect(stored.headers.get('access-control-expose-headers')?.split(', ')).toContain(name)
    // Refusals, too, are for the page to read.
    const refused = await d.send('POST', '/memories', '{', { headers: { origin: 'https://app.example', ...key } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([400, 'https://app.example'])
    const stream = await fetch(`${d.url}/api/v1/events`, {
      headers: { origin: 'https://app.example', accept: 'text/event-stream', ...key },
    })
    expect([stream.status, stream.headers.get('access-control-allow-origin')]).toEqual([200, 'https://app.example'])
    await stream.body?.cancel()
    const foreign = await preflight('https://evil.example')
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null])
  })

  test('under a name that was pointed here are refused, unless the name is trusted', async () => {
    const d = await open({ keys, trustedHosts: ['Memory.example'] })
    const status = async (host: string) =>
      Number(
        (
          await raw(d.url, [
            'GET /api/v1/stats HTTP/1.1',
            `Host: ${host}`,
            ...Object.entries(key).map(([name, value]) => `${name}: ${value}`),
          ])
        ).split(' ')[1],
      )
    expect([await status('evil.example'), await status('memory.example'), await status('127.0.0.1:1')]).toEqual([
      403, 200, 200,
    ])
  })
})

test('an origin that is none is refused when the door is made', async () => {
  for (const origin of ['*', 'app.example', 'https://app.example/', 'https://app.example/x', 'ftp://app.example']) {
    await expect(openDoor({ cors: [origin] })).rejects.toThrow('no origin')
  }
})

describe('guessing keys', () => {
  const ask = (d: TestDoor, key: string, path = '/stats') =>
    d.send('GET', path, undefined, { headers: { 'x-api-key': key } })

  test('is slowed after a few, on open routes too, while the right key passes at once', async () => {
    const d = await open({ keys: ['right'] })
    for (let i = 0; i < httpLimits.key_guesses_free; i++)
      expect((await ask(d, `wrong ${i}`, i % 2 === 0 ? '/stats' : '/health')).status).toBe(401)
    const from = performance.now()
    const slowed = await ask(d, 'wrong', '/health')
    expect([slowed.status, slowed.body['error'], slowed.headers.get('retry-after')]).toEqual([
      429,
      'too_many_requests',
      '1',
    ])
    expect(performance.now() - from).toBeGreaterThan(httpLimits.key_guess_hold_ms - 50)
    const guessing = Array.from({ length: 50 }, (_, i) => ask(d, `more ${i}`))
    const waits: number[] = []
    for (let i = 0; i < 20; i++) {
      const began = performance.now()
      expect((await ask(d, 'right')).status).toBe(200)
      waits.push(performance.now() - began)
    }
    expect(Math.max(...waits)).toBeLessThan(httpLimits.key_guess_hold_ms)
    const last = (await Promise.all(guessing)).map(({ status, headers }) => [
      status,
      Number(headers.get('retry-after')),
    ])
    expect(last.every(([status]) => status === 429)).toBe(true)
    expect(Math.max(...last.map(([, seconds]) => seconds!))).toBe(httpLimits.key_guess_delay_ms_max / 1_000)
  }, 20_000)

  test('from elsewhere is not even compared until its time is over; who proved a key there passes always', () => {
    let now = 0
    const guesses = createGuesses(() => now)
    guesses.right('10.0.0.2')
    for (const address of ['10.0.0.1', '10.0.0.2', '127.0.0.1'])
      for (let i = 0; i <= httpLimits.key_guesses_free; i++) guesses.wrong(address)
    expect(
      ['10.0.0.1', '10.0.0.2', '127.0.0.1', '10.0.0.3'].map(
        (address) => guesses.refused(address)?.retry_after_ms ?? null,
      ),
    ).toEqual([1_000, null, null, null])
    now = 1_000
    expect(guesses.refused('10.0.0.1')).toBeNull()
    guesses.wrong('10.0.0.1')
    expect(guesses.refused('10.0.0.1')?.retry_after_ms).toBe(2_000)
    now += httpLimits.key_guesses_forgotten_ms + 1
    expect(guesses.wrong('10.0.0.1')).toBeNull()
  })

  test('from ever new addresses takes no more memory than the table', () => {
    const guesses = createGuesses(() => 0)
    for (let i = 0; i <= httpLimits.key_guesses_free; i++) guesses.wrong('first')
    expect(guesses.refused('first')).not.toBeNull()
    for (let i = 0; i < httpLimits.key_guess_addresses_max; i++) guesses.wrong(`address ${i}`)
    expect(guesses.refused('first')).toBeNull()
  })
})

test('health without a key: status, version and counts, and no word of what is wrong where', async () => {
  const d = await open({ keys: ['k'] })
  d.degrade('the last flush failed: /var/lib/mnemesh/log: EIO')
  const without = await d.send('GET', '/health')
  expect([without.status, without.body['status'], without.body['version'], without.body['members']]).toEqual([
    503,
    'degraded',
    '0.0.0',
    1,
  ])
  expect(without.text).not.toMatch(/var|flush|log/)
  expect((await d.send('GET', '/health', undefined, { headers: { 'x-api-key': 'k' } })).text).toContain(
    '/var/lib/mnemesh/log',
  )
})

describe('upgrades', () => {
  const accept = (_request: IncomingMessage, socket: Duplex) =>
    void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  const upgrade = (url: string, path: string, ...headers: string[]) =>
    raw(url, [`GET ${path} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket', ...headers])

  test("go to their path's handler, are guarded like writes, and end with the door", async () => {
    const d = await openDoor({ upgrades: { '/mesh': accept } })
    const host = `Host: ${new URL(d.url).host}`
    expect(await upgrade(d.url, '/mesh?x=1', host)).toMatch(/ 101 /)
    expect(await upgrade(d.url, '/toString', host)).toMatch(/ 404 /)
    expect(await upgrade(d.url, '/mesh', 'Host: evil.example')).toMatch(/ 403 /)
    expect(await upgrade(d.url, '/mesh', host, 'Origin: https://evil.example')).toMatch(/ 403 /)
    const socket = net.connect(Number(new URL(d.url).port), '127.0.0.1', () =>
      socket.write(`GET /mesh HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
    )
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
  const door = await createHttpDoor(createNodeDouble().node, {
    host: '127.0.0.1',
    port,
    keys: [],
    version: '1',
    upgrades: {},
    log: { error: () => undefined },
  })
  await expect(door.listen()).rejects.toThrow('EADDRINUSE')
  await door.close()
  await new Promise((resolve) => other.close(resolve))
})
