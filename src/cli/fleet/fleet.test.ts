/**
 * The local mesh's supervisor with real child processes: small HTTP servers that play a peer.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Io } from '../io.ts'
import { assertPortsFree, type FleetPeer, fleetPeers, serveWords, startLine } from './peers.ts'
import { superviseFleet } from './supervise.ts'

/** Answers every request with 200 on a free port, which it writes into a file; what it is told to do instead comes as its second word. */
const PEER_SCRIPT = `
  import { createServer } from 'node:http'
  import { writeFileSync } from 'node:fs'
  const [portFile, manner] = process.argv.slice(2)
  if (manner === 'dies') { console.error('error: log is locked'); process.exit(1) }
  const server = createServer((_request, response) => response.end('{}'))
  server.listen(Number(process.argv[4]), '127.0.0.1', () => writeFileSync(portFile, 'up'))
  let signals = 0
  process.on('SIGTERM', () => { writeFileSync(portFile, 'stopped ' + ++signals); if (manner !== 'stays') server.close(() => process.exit(0)); server.closeAllConnections() })
  process.stdin.on('end', () => process.exit(0)).resume()
`

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mnemesh-fleet-'))
  await writeFile(join(dir, 'peer.mjs'), PEER_SCRIPT)
})
afterEach(() => rm(dir, { recursive: true }))

const freePort = (): Promise<{ port: number; server: Server }> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve({ port: typeof address === 'object' && address !== null ? address.port : 0, server })
    })
  })

const freePeers = async (): Promise<FleetPeer[]> => {
  const held = await Promise.all([1, 2, 3].map(freePort))
  await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))))
  return held.map(({ port }, index) => ({
    name: `peer-${index + 1}`,
    dir: join(dir, `peer-${index + 1}`),
    port,
    url: `http://127.0.0.1:${port}`,
  }))
}

/** @param mannerOf how a peer behaves, by its name. */
const supervising = (peers: readonly FleetPeer[], mannerOf: Readonly<Record<string, string>> = {}) => {
  let err = ''
  let signal: () => void = () => undefined
  const up: string[][] = []
  let sayUp: () => void = () => undefined
  const isUp = new Promise<void>((resolve) => (sayUp = resolve))
  const exits: number[] = []
  const io: Io = {
    stdout: new Writable({ write: (_chunk, _encoding, done) => done() }),
    stderr: new Writable({ write: (chunk: Buffer, _encoding, done) => ((err += chunk.toString()), done()) }),
    stdin: null,
    ask: null,
    env: { PATH: process.env['PATH'] },
    clock: { now: () => performance.now() },
    random: { bytes: (count) => new Uint8Array(count) },
    sleep: (ms) => sleep(ms),
    onStopSignal(listener) {
      signal = listener
      return () => (signal = () => undefined)
    },
    exitNow: (code) => exits.push(code),
  }
  const done = superviseFleet({
    peers,
    io,
    command: (peer) => [
      process.execPath,
      join(dir, 'peer.mjs'),
      join(dir, `${peer.name}.state`),
      mannerOf[peer.name] ?? 'plain',
      String(peer.port),
    ],
    onUp: async (there, away) => {
      up.push(
        there.map((peer) => peer.name),
        away.map((peer) => peer.name),
      )
      sayUp()
    },
  })
  return { done, isUp, up, exits, err: () => err, signal: () => signal() }
}

const stateOf = (name: string): Promise<string> => readFile(join(dir, `${name}.state`), 'utf8')

describe('a run', () => {
  test('all come up, a signal stops each once, cleanly', async () => {
    const run = supervising(await freePeers())
    await run.isUp
    expect(run.up).toEqual([['peer-1', 'peer-2', 'peer-3'], []])
    run.signal()
    await run.done
    for (const name of ['peer-1', 'peer-2', 'peer-3']) expect(await stateOf(name)).toBe('stopped 1')
    expect(run.err()).toBe('')
  })

  test('a peer that dies is reported with the line that starts it again; the others go on', async () => {
    const peers = await freePeers()
    const run = supervising(peers, { 'peer-2': 'dies' })
    await run.isUp
    expect(run.up).toEqual([['peer-1', 'peer-3'], ['peer-2']])
    expect(run.err()).toContain('peer-2 | error: log is locked\n')
    expect(run.err()).toContain(
      `peer-2 has died (status 1: error: log is locked) and stays down; start it again with: npx mnemesh serve --data ${peers[1]?.dir} --port ${peers[1]?.port}\n`,
    )
    run.signal()
    await run.done
  })

  test('too few for a write is a failure, and the one that came up is stopped', async () => {
    const run = supervising(await freePeers(), { 'peer-2': 'dies', 'peer-3': 'dies' })
    await expect(run.done).rejects.toThrow('only 1 of 3 peers came up')
    expect(await stateOf('peer-1')).toBe('stopped 1')
  })

  test('a second signal does not wait for a peer that will not stop', async () => {
    const run = supervising(await freePeers(), { 'peer-1': 'stays' })
    await run.isUp
    run.signal()
    run.signal()
    await run.done
    expect(run.exits).toEqual([1])
  })
})

describe('peers', () => {
  test('ports and folder come from the environment', () => {
    expect(fleetPeers({}).map((peer) => [peer.name, peer.dir, peer.url])).toEqual(
      [1, 2, 3].map((n) => [`peer-${n}`, join('.mnemesh', `peer-${n}`), `http://127.0.0.1:770${n}`]),
    )
    const moved = fleetPeers({ MNEMESH_PORT: '7801', MNEMESH_DATA: '/data' })
    expect(moved.map((peer) => [peer.port, peer.dir])).toEqual([
      [7801, '/data/peer-1'],
      [7802, '/data/peer-2'],
      [7803, '/data/peer-3'],
    ])
    for (const port of ['x', '0', '65534', '-1', '7.5'])
      expect(() => fleetPeers({ MNEMESH_PORT: port })).toThrow('MNEMESH_PORT')
  })

  test('each serves with a quorum of two and knows the others', () => {
    const peers = fleetPeers({})
    const [, second] = peers
    if (second === undefined) throw new Error('three peers')
    expect(serveWords(second, peers).join(' ')).toBe(
      'serve --data .mnemesh/peer-2 --port 7702 --quorum 2 --peer ws://127.0.0.1:7701/mesh --peer ws://127.0.0.1:7703/mesh',
    )
    expect(startLine(second)).toBe('npx mnemesh serve --data .mnemesh/peer-2 --port 7702')
  })

  test('a port in use is named with the mend', async () => {
    const { port, server } = await freePort()
    try {
      await expect(assertPortsFree([{ name: 'p', dir: '', port, url: '' }])).rejects.toThrow(
        `port ${port} is in use; free it, or set MNEMESH_PORT`,
      )
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})
