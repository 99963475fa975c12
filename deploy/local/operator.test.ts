/**
 * An operator's day with real peers: one is killed, one is frozen, one asks for too much, one listens everywhere. Each is answered soon,
 * and with what helps; the log tells what happened.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mnemesh, mnemeshOk, startMnemesh } from './command.ts'
import { startFleet, type Fleet } from './fleet.ts'
import { callsTo, expecting, listIn, type Json } from './http.ts'
import type { Peer } from './peer.ts'
import { until } from './until.ts'

const READY_MS = 45_000

let fleet: Fleet
let a: Peer
let b: Peer
beforeAll(async () => {
  fleet = await startFleet({ names: ['a', 'b'], quorumTimeoutMs: 20_000 })
  a = fleet.peer(0)
  b = fleet.peer(1)
}, 90_000)
afterAll(() => fleet?.dispose())

const linkOf = async (peer: Peer, name: string): Promise<unknown> =>
  listIn(await expecting(200, peer.call('GET', '/peers')), 'peers').find((row) => row['name'] === name)?.['link']

test('with one of two voters gone a write is answered at once, stays, and names who is away and what helps', async () => {
  expect(a.output()).toMatch(/info {2}the link to b is up/)
  await b.kill()
  await until('a knows', 5_000, async () => ((await linkOf(a, 'b')) === 'up' ? null : true))
  const from = performance.now()
  const { status, body } = await a.call('POST', '/memories', { body: { content: 'kept' } })
  // Half a second is promised from when it is known; twenty would be waited for the quorum.
  expect(performance.now() - from).toBeLessThan(3_000)
  expect([status, body['error'], body['local_committed']]).toEqual([503, 'quorum_not_met', true])
  expect(body['message']).toMatch(
    new RegExp(`b \\(ws://127.0.0.1:${b.port}/mesh\\) cannot be reached.*mnemesh serve.*quorum=1`),
  )
  expect(a.output()).toMatch(/info {2}the link to b is down {2}.*reason=/)

  const failed = await mnemesh(['store', 'by hand', '--url', a.url, '--json'])
  expect([failed.code, failed.stdout]).toEqual([1, ''])
  expect(JSON.parse(failed.stderr)).toMatchObject({
    error: 'quorum_not_met',
    local_committed: true,
    message: expect.stringContaining('--idempotency-key'),
  })
  await b.start()
  await fleet.linked([a, b])
  await fleet.agree([a, b])
}, 90_000)

test('a frozen peer is no longer shown as up within 3 s, and is as soon as it goes on', async () => {
  process.kill(b.pid(), 'SIGSTOP')
  try {
    await until('it is shown as silent', 6_000, async () => ((await linkOf(a, 'b')) === 'silent' ? true : null))
    expect(await expecting(503, a.call('GET', '/health'))).toMatchObject({ status: 'degraded', connected: 0 })
  } finally {
    process.kill(b.pid(), 'SIGCONT')
  }
  await until('it is up', 10_000, async () => ((await linkOf(a, 'b')) === 'up' ? true : null))
}, 60_000)

test('a quorum that the mesh cannot meet is said at the start, by health and by a write; the disk is shown', async () => {
  await b.stop()
  await b.start({ quorum: 5 })
  await fleet.linked([a, b])
  expect(b.output()).toMatch(/warn {2}a write needs 5 voters and the mesh has 2/)
  const health = await expecting(503, b.call('GET', '/health'))
  expect(String(health['reasons'])).toMatch(/smaller --quorum/)
  expect(health['disk']).toMatchObject({ free_bytes: expect.any(Number), log_bytes: expect.any(Number) })
  const { status, body } = await b.call('POST', '/memories', { body: { content: 'asks too much' } })
  expect([status, body['needed']]).toEqual([503, 5])
  const shown = await mnemesh(['status', '--url', b.url])
  expect(shown.code).toBe(1)
  expect(shown.stdout).toMatch(/disk +\S+ \S+ free, log /)
  await b.stop()
  await b.start()
  await fleet.linked([a, b])
}, 120_000)

test('who listens everywhere is told of by its own addresses; processor seconds are those of the process; the log is JSON on request', async () => {
  const c = await fleet.place('c')
  await fleet.join(c)
  const child = startMnemesh(
    [
      'serve',
      '--data',
      c.dir,
      '--port',
      String(c.port),
      '--host',
      '0.0.0.0',
      '--projection',
      'none',
      '--log',
      'json',
      '--until-stdin-ends',
    ],
    { MNEMESH_KEY: 'a-key-that-nobody-may-read' },
  )
  try {
    const url = await until(
      'it is ready',
      READY_MS,
      async () => / ready at (\S+)/.exec(child.stdout())?.[1] ?? null,
      () => child.stderr(),
    )
    expect(url).toBe(`http://127.0.0.1:${c.port}`)
    const addresses = await until('a knows where it is', 20_000, async () => {
      const row = listIn(await expecting(200, a.call('GET', '/peers')), 'peers').find(({ name }) => name === 'c')
      return (row?.['addresses'] as readonly string[] | undefined)?.length
        ? (row!['addresses'] as readonly string[])
        : null
    })
    expect(addresses.join()).not.toMatch(/0\.0\.0\.0|\[::\]/)
    const text = await (await fetch(`${url}/metrics`)).text()
    const counted = Number(/^mnemesh_process_cpu_seconds_total (\S+)$/m.exec(text)?.[1])
    // Of the process, in hundredths of a second, as the system has it.
    const [user = 0, system = 0] = (await readFile(`/proc/${child.pid}/stat`, 'utf8'))
      .replace(/^.*\) /, '')
      .split(' ')
      .slice(11, 13)
      .map(Number)
    expect(Math.abs(counted - (user + system) / 100)).toBeLessThan(1)
    const lines = await until('it has said something', 20_000, async () =>
      child.stderr().includes('the link to a is up') ? child.stderr().trimEnd().split('\n') : null,
    )
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({
        time: expect.any(String),
        level: expect.any(String),
        message: expect.any(String),
      })
    expect(child.stderr()).not.toContain('nobody-may-read')
    expect((await callsTo(url)('GET', '/health')).status).toBeLessThan(600)
  } finally {
    child.signal('SIGTERM')
    await child.ended
  }
}, 120_000)

test('mistakes with members, on the running mesh: own peer, one name twice, a folder that was taken out', async () => {
  const own = await mnemesh(['mesh', 'revoke', 'a', '--data', a.dir])
  expect([own.code, own.stderr]).toEqual([1, expect.stringMatching(/authority.*--force/)])
  const [twin, gone] = [await fleet.place('twin'), await fleet.place('gone')]
  await expect(fleet.join({ ...twin, name: 'b' })).rejects.toThrow(/called b already/)
  // No voter: with c away nobody else could be missed.
  await fleet.join(gone, ['--role', 'observer'])
  expect(await mnemeshOk(['mesh', 'revoke', 'gone', '--data', a.dir])).toMatch(
    /^revoked gone [0-9a-f]{12}\napplied by a, b/,
  )
  await expect(fleet.join(gone)).rejects.toThrow(/taken out of this mesh for good/)
  const members = JSON.parse(await mnemeshOk(['mesh', 'members', '--data', a.dir, '--json'])) as {
    members: readonly Json[]
  }
  expect(members.members.filter(({ revoked }) => revoked === false).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
}, 90_000)

test('a folder that cannot be made ends npm start with one line', async () => {
  const ended = await mnemesh(['fleet'], { MNEMESH_DATA: '/proc/mnemesh/x', MNEMESH_PORT: '20950' })
  expect([ended.code, ended.stdout]).toEqual([1, ''])
  expect(ended.stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^error: cannot make the folder \/proc\/mnemesh\/x\/peer-1 /),
  ])
}, 40_000)

test('a fresh start warns of nothing', async () => {
  const first = join(fleet.dir, 'fresh')
  await mnemeshOk(['mesh', 'init', '--data', first, '--name', 'fresh'])
  const child = startMnemesh(['serve', '--data', first, '--port', '0', '--until-stdin-ends'])
  try {
    const url = await until(
      'it is ready',
      READY_MS,
      async () => / ready at (\S+)/.exec(child.stdout())?.[1] ?? null,
      () => child.stderr(),
    )
    await expecting(201, callsTo(url)('POST', '/memories', { body: { content: 'first' } }))
    await until('it is searched', READY_MS, async () =>
      (await callsTo(url)('GET', '/health')).body['search'] === 'ready' ? true : null,
    )
    expect(child.stderr()).toBe('')
  } finally {
    child.signal('SIGTERM')
    await child.ended
  }
}, 120_000)
