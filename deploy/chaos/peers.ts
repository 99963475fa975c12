/**
 * Real peers whose folders lie where the rounds want them: made and joined over the command line, asked over HTTP, and stopped,
 * killed and started as an operator or the system would.
 */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isAlive, mnemeshOk, startMnemesh, type LastingChild } from '../local/command.ts'
import { callsTo, expecting, listIn, type Call, type Json } from '../local/http.ts'
import { until } from '../local/until.ts'

/** A peer with its embedded database starts in some 3 s of one free core; others may have the cores. */
const READY_MS = 180_000
const STOP_MS = 20_000
const LINKED_MS = 60_000
const SHOWN_CHARS = 4_000

export type ChaosPeer = {
  readonly name: string
  readonly dir: string
  readonly url: string
  readonly call: Call
  /** Resolves when it says that it is ready. */
  start(): Promise<void>
  /** SIGKILL. Resolves when no such process is left. */
  kill(): Promise<void>
  /** SIGSTOP, and its end. */
  pause(): void
  goOn(): void
  /** SIGTERM; killed when it does not end. */
  stop(): Promise<void>
  running(): boolean
  /** What it has printed since its last start. */
  output(): string
  health(): Promise<Json>
}

export type ChaosMesh = { readonly peers: readonly [ChaosPeer, ChaosPeer, ChaosPeer]; stop(): Promise<void> }

const NAMES = ['a', 'b', 'c'] as const

/** Makes a mesh of three in `dir` and starts it on ports from `port` on. @param prepare is called before a peer's folder is made. */
export const startMesh = async (dir: string, port: number, prepare: (name: string, folder: string) => void): Promise<ChaosMesh> => {
  const peers = NAMES.map((name, i) => createPeer(name, join(dir, name), port + i))
  const [a, b, c] = peers
  if (a === undefined || b === undefined || c === undefined) throw new Error('three peers')
  const stop = async (): Promise<void> => {
    await Promise.all(peers.map((peer) => peer.stop()))
  }
  try {
    for (const peer of peers) {
      await mkdir(peer.dir, { recursive: true, mode: 0o700 })
      prepare(peer.name, peer.dir)
      await chmod(peer.dir, 0o700)
    }
    await mnemeshOk(['mesh', 'init', '--data', a.dir, '--name', a.name])
    await a.start()
    for (const peer of [b, c]) {
      await mnemeshOk(['mesh', 'join', (await mnemeshOk(['mesh', 'invite', '--data', a.dir])).trim(), '--data', peer.dir, '--name', peer.name])
      await peer.start()
      // It votes on who comes next.
      await until(`a has a link to ${peer.name}`, LINKED_MS, async () => (listIn(await expecting(200, a.call('GET', '/peers')), 'peers').every(({ link }) => link === 'up' || link === 'self') ? true : null))
    }
    await until('all are linked', LINKED_MS, async () => {
      const linked = await Promise.all(peers.map(async ({ call }) => listIn(await expecting(200, call('GET', '/peers')), 'peers').every(({ link }) => link === 'up' || link === 'self')))
      return linked.every(Boolean) ? true : null
    })
    return { peers: [a, b, c], stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const createPeer = (name: string, dir: string, port: number): ChaosPeer => {
  const url = `http://127.0.0.1:${port}`
  const call = callsTo(url)
  let child: LastingChild | null = null
  const output = (): string => (child === null ? 'never started' : `${child.stdout()}${child.stderr()}`.slice(-SHOWN_CHARS))
  const running = (): LastingChild => {
    if (child === null || child.ending() !== null) throw new Error(`${name} does not run: ${output()}`)
    return child
  }
  return {
    name, dir, url, call, output,
    running: () => child !== null && child.ending() === null,
    start: async () => {
      const started = startMnemesh(['serve', '--data', dir, '--port', String(port), '--quorum', '2', '--quorum-timeout', '3000', '--until-stdin-ends'])
      child = started
      const ended = await until(`${name} is ready`, READY_MS, async () => started.ending() ?? (started.stdout().includes(`ready at ${url}`) ? 'ready' as const : null), output)
      if (ended !== 'ready') throw new Error(`${name} ended with ${ended.code ?? ended.signal} instead of serving: ${ended.stderr.trim()}`)
    },
    kill: async () => {
      const killed = running()
      killed.signal('SIGKILL')
      const { signal } = await killed.ended
      if (signal !== 'SIGKILL' || isAlive(killed.pid)) throw new Error(`${name} was not killed: ${output()}`)
    },
    pause: () => running().signal('SIGSTOP'),
    goOn: () => running().signal('SIGCONT'),
    stop: async () => {
      if (child === null || child.ending() !== null) return
      child.signal('SIGCONT')
      child.signal('SIGTERM')
      const timer = setTimeout(() => child?.signal('SIGKILL'), STOP_MS)
      await child.ended
      clearTimeout(timer)
    },
    health: async () => (await call('GET', '/health')).body,
  }
}
