/** A live door on a free loopback port, and clients for it, all closed together. For tests alone. */
import { Repo, type AutomergeUrl, type DocHandle } from '@automerge/automerge-repo'
import { encode } from '@automerge/automerge-repo/helpers/cbor.js'
import { WebSocketClientAdapter } from '@automerge/automerge-repo-network-websocket'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { MeshId } from '../../../crdt/ids.ts'
import type { LiveTimers } from '../client.ts'
import { createLiveDoor, type LiveDoor } from '../door.ts'
import { createTestSource, type TestSource } from './source.ts'

export const mesh = 'ab'.repeat(32) as MeshId

export const realTimers: LiveTimers = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

export type TestDoor = {
  readonly door: LiveDoor
  readonly source: TestSource
  readonly url: string
  readonly port: number
  readonly logged: Readonly<Record<string, unknown>>[]
  /** A stock client. Comes back 300 ms after a lost connection; sooner, it would try again while a busy machine still answers. */
  readonly repo: (query?: string) => Repo
  /** Cuts every connection under it, as a network does. */
  readonly cut: () => void
  readonly raw: () => Promise<RawClient>
  readonly close: () => Promise<void>
}

/** A socket that says whatever it is told to. */
export type RawClient = {
  readonly socket: WebSocket
  readonly received: Uint8Array[]
  readonly send: (message: unknown) => void
  readonly join: () => void
  /** Resolves with the close frame's name, or what the library made of the end. */
  readonly closed: Promise<string>
}

export const openDoor = async (
  options: {
    readonly keys?: readonly string[]
    readonly source?: TestSource
    readonly timers?: LiveTimers
    readonly port?: number
  } = {},
): Promise<TestDoor> => {
  const source = options.source ?? createTestSource()
  const logged: Readonly<Record<string, unknown>>[] = []
  const log = (fields: Readonly<Record<string, unknown>>) => void logged.push(fields)
  const door = createLiveDoor({
    mesh,
    peer: source.peer,
    source,
    keys: options.keys ?? [],
    log: { warn: log, error: log },
    timers: options.timers ?? realTimers,
    defer: setImmediate,
  })
  const server = createServer((_request, response) => response.end('ok'))
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => door.upgrade(request, socket, head))
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const port = (server.address() as AddressInfo).port
  const url = `ws://127.0.0.1:${port}/live`
  const repos: Repo[] = []
  const raws: WebSocket[] = []
  const cut = () => sockets.forEach((socket) => socket.destroy())

  return {
    door,
    source,
    url,
    port,
    logged,
    cut,
    repo: (query = '') => {
      const repo = new Repo({ network: [new WebSocketClientAdapter(`${url}${query}`, 300)] })
      repos.push(repo)
      return repo
    },
    raw: async () => {
      const socket = new WebSocket(url)
      raws.push(socket)
      const received: Uint8Array[] = []
      socket.on('message', (data: Buffer) => received.push(data))
      const closed = new Promise<string>((resolve) => {
        socket.once('close', (code, reason) => resolve(reason.toString() || `${code}`))
        socket.on('error', () => socket.terminate())
      })
      await new Promise((resolve) => socket.once('open', resolve))
      const send = (message: unknown) =>
        socket.send(message instanceof Uint8Array || typeof message === 'string' ? message : encode(message))
      return {
        socket,
        received,
        send,
        closed,
        join: () => send({ type: 'join', senderId: 'raw', peerMetadata: {}, supportedProtocolVersions: ['1'] }),
      }
    },
    close: async () => {
      await Promise.all(repos.map((repo) => repo.shutdown()))
      raws.forEach((socket) => socket.terminate())
      await door.close()
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Resolves when `fact` holds of the document; looks again at each change. */
export const until = <T>(handle: DocHandle<T>, fact: (doc: T) => boolean): Promise<T> =>
  new Promise((resolve) => {
    const look = () => {
      const doc = handle.isReady() ? handle.doc() : null
      if (doc === null || !fact(doc)) return
      handle.off('change', look)
      resolve(doc)
    }
    handle.on('change', look)
    // A document that was unavailable changes before it says that it is ready.
    void handle.whenReady().then(look)
    look()
  })

/** What an index says, as plain text. */
export type Index = {
  readonly namespace: { toString(): string }
  readonly segments: Readonly<Record<string, { toString(): string }>>
}
export type SegmentDoc = { memories: Record<string, Record<string, unknown>> }
export const urlIn = (index: Index, segment: string): AutomergeUrl => String(index.segments[segment]) as AutomergeUrl
