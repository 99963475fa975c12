/** Bodies that do not come, come slowly, or are too many; and real clients that must see why theirs was refused. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { limits } from '../../crdt/limits.ts'
import { openDoor } from './testing/door-client.ts'
import type { TestDoor } from './testing/door-client.ts'
import { httpLimits } from './limits.ts'

const run = promisify(execFile)
let d: TestDoor
const sockets: net.Socket[] = []
beforeEach(async () => {
  d = await openDoor()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await d.door.close()
})

const send = (...parts: readonly (string | Buffer)[]): Promise<net.Socket> =>
  new Promise((resolve) => {
    const socket = net.connect(Number(new URL(d.url).port), '127.0.0.1', () => {
      for (const part of parts.slice(0, -1)) socket.write(part)
      socket.write(parts.at(-1)!, () => resolve(socket))
    })
    socket.on('error', () => undefined)
    sockets.push(socket)
  })
const announce = (bytes: number): string =>
  `POST /api/v1/memories HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`
const firstOf = (socket: net.Socket): Promise<string> =>
  new Promise((resolve) =>
    socket.once('data', (data) => resolve(data.toString())).once('close', () => resolve('closed')),
  )
const store = () => d.send('POST', '/memories', { content: 'x' })

describe('what is announced and does not come', () => {
  test('64 uploads of 4 MiB that never come, and a thousand, lock nobody out', async () => {
    for (const count of [64, 936]) {
      await Promise.all(Array.from({ length: count }, () => send(announce(limits.request_bytes_max), '{')))
      const from = performance.now()
      for (let i = 0; i < 20; i++) expect((await store()).status).toBe(201)
      // While all of them are still waited for.
      expect(performance.now() - from).toBeLessThan(httpLimits.http_pace_ms)
    }
  }, 20_000)

  test('a body that stands still is 408, and its connection closed', async () => {
    const from = performance.now()
    const socket = await send(announce(1_000), '{"content":"')
    const said = await firstOf(socket)
    expect(said).toMatch(/^HTTP\/1\.1 408 .*"error":"too_slow"/s)
    expect(performance.now() - from).toBeGreaterThanOrEqual(httpLimits.http_pace_ms - 100)
    expect(performance.now() - from).toBeLessThan(httpLimits.http_pace_ms * 2)
    await expect.poll(() => socket.destroyed || socket.readableEnded).toBe(true)
    expect(d.seen).toEqual([])
  }, 15_000)

  test('a body that drips is 408 too', async () => {
    const socket = await send(announce(limits.request_bytes_max), '{"content":"')
    const drip = setInterval(() => socket.write('x'), 50)
    expect(await firstOf(socket)).toMatch(/^HTTP\/1\.1 408 /)
    clearInterval(drip)
  }, 15_000)

  test('bodies that all but fill the bound and then stop give way to those that come whole', async () => {
    const part = Buffer.alloc(limits.request_bytes_max - 1_024, 0x20)
    const count = Math.floor(httpLimits.http_bytes_in_flight_max / part.length)
    for (let i = 0; i < count; i += 8)
      await Promise.all(
        Array.from({ length: Math.min(8, count - i) }, () => send(announce(limits.request_bytes_max), part)),
      )
    await new Promise((resolve) => setTimeout(resolve, httpLimits.http_body_kept_ms))
    const large = JSON.stringify(Array.from({ length: 60 }, () => ({ content: 'x'.repeat(60_000) })))
    const from = performance.now()
    expect((await d.send('POST', '/memories/bulk', large)).status).toBe(201)
    // Long before those that stopped are given up.
    expect(performance.now() - from).toBeLessThan(httpLimits.http_pace_ms - httpLimits.http_body_kept_ms)
  }, 30_000)
})

describe('a body of 4.8 MB is 413 for every client, whichever way it sends', () => {
  let dir: string
  let file: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mnemesh-bodies-'))
    file = join(dir, 'large.json')
    await writeFile(file, JSON.stringify({ content: 'x'.repeat(4_800_000) }))
  })
  afterEach(() => rm(dir, { recursive: true }))
  const url = () => `${d.url}/api/v1/memories`

  test('fetch, nine times', async () => {
    for (let i = 0; i < 9; i++) {
      const answer = await d.send('POST', '/memories', { content: 'x'.repeat(4_800_000) })
      expect([answer.status, answer.body['error']]).toEqual([413, 'too_large'])
    }
    expect((await store()).status).toBe(201)
  })

  test.each(['with a length', 'in chunks'] as const)('node:http, %s', async (how) => {
    const status = await new Promise<number>((resolve, reject) => {
      const body = Buffer.alloc(4_800_000, 0x20)
      const request = httpRequest(
        url(),
        {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(how === 'in chunks' ? {} : { 'content-length': body.length }),
          },
        },
        (response) => (response.resume(), resolve(response.statusCode ?? 0)),
      )
      request.on('error', reject)
      for (let at = 0; at < body.length; at += 65_536) request.write(body.subarray(at, at + 65_536))
      request.end()
    })
    expect(status).toBe(413)
  })

  test('a socket that reads only after it has sent all', async () => {
    const socket = await send(announce(4_800_000))
    socket.pause()
    await new Promise<void>((resolve, reject) =>
      socket.write(Buffer.alloc(4_800_000, 0x20), (error) => (error ? reject(error) : resolve())),
    )
    expect(await firstOf(socket.resume())).toMatch(/^HTTP\/1\.1 413 /)
  })

  const available = async (program: string): Promise<boolean> =>
    run(program, ['--version']).then(
      () => true,
      () => false,
    )

  const skipped = (program: string): void => void process.stderr.write(`skipped: there is no ${program} here\n`)

  test.each([
    ['without', ['-H', 'Expect:']],
    ['with', []],
  ])('curl %s asking first', async (_how, words) => {
    if (!(await available('curl'))) return skipped('curl')
    const { stdout } = await run('curl', [
      '-s',
      '-w',
      ' %{http_code}',
      '-H',
      'content-type: application/json',
      ...words,
      '--data-binary',
      `@${file}`,
      url(),
    ])
    expect(stdout).toMatch(/too_large.* 413$/)
  })

  test('urllib', async () => {
    if (!(await available('python3'))) return skipped('python3')
    const script =
      'import sys, urllib.request, urllib.error\ntry:\n  urllib.request.urlopen(urllib.request.Request(sys.argv[1], open(sys.argv[2], "rb").read(), {"content-type": "application/json"}))\nexcept urllib.error.HTTPError as e:\n  print(e.code, e.read().decode())'
    const { stdout } = await run('python3', ['-c', script, url(), file])
    expect(stdout).toMatch(/^413 .*too_large/)
  }, 15_000)

  test('what goes on for ever is cut within its bound', async () => {
    const socket = await send(announce(2 ** 40))
    const block = Buffer.alloc(1 << 20, 0x20)
    let sent = 0
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    const more = (): void => {
      while (!socket.destroyed && sent < 8 * httpLimits.http_drain_bytes_max) {
        sent += block.length
        if (!socket.write(block)) return void socket.once('drain', more)
      }
    }
    more()
    await closed
    expect(sent).toBeLessThan(2 * httpLimits.http_drain_bytes_max)
  }, 30_000)
})
