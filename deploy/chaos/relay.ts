/**
 * A TCP relay in front of one peer, in user space: what goes one way through it is delayed, limited, held back or lost, by who dialled.
 *
 * TCP never shows a hole in its stream. So bytes that are held come late, and where bytes are lost the connection is reset when the way is open
 * again, as if the dialer's system had given up. A closed connection is told through the same queue: a cut way carries no end either.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What happens to bytes that go one way. */
export type Way = {
  readonly delayMs: number
  /** Up to so much more, drawn for each piece. */
  readonly jitterMs: number
  /** null: as fast as the machine. */
  readonly bytesPerSecond: number | null
  /** Share of pieces that come `RESENT_MS` later, as if they had been sent again. */
  readonly resentShare: number
  readonly cut: 'no' | 'hold' | 'lose'
}

export const OPEN: Way = { delayMs: 0, jitterMs: 0, bytesPerSecond: null, resentShare: 0, cut: 'no' }

/** What the relay has done, so that a fault can prove itself. */
export type Counts = {
  held: number
  lost: number
  delayed: number
  resent: number
  reset: number
  halved: number
  passed: number
}
export const noCounts = (): Counts => ({ held: 0, lost: 0, delayed: 0, resent: 0, reset: 0, halved: 0, passed: 0 })

/** Answers the way from one to another; a dialer that names nobody is ''. */
type Ways = (from: string, to: string) => Way
/** Is told of each piece that went on or was lost, by its way, before the next piece is looked at. */
type Seen = (what: 'passed' | 'lost', from: string, to: string, bytes: number) => void

export type Relay = {
  /** Does what is due now that ways have changed. */
  wake(): void
  /** Whether a connection of `dialer`'s goes through it. */
  hasDialed(dialer: string): boolean
  /** Ends the connections that `dialer` has made through it, at both ends. */
  reset(dialer: string): void
  /** Ends them at the peer's end alone: the dialer hears nothing, and nothing that it says arrives. */
  halve(dialer: string): void
  close(): Promise<void>
}

const RESENT_MS = 200
/** In one direction of one connection; who sends more waits. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024
/** A request's head, in which the dialer names itself; longer ones name nobody. */
const HEAD_BYTES_MAX = 16_384
const NAMED = /\r\nx-mnemesh-peer: *([0-9a-f]{64})\r\n/i

type Connection = {
  /** Its name, which may become known after it has dialled: a peer is asked for its id once it is ready. */
  readonly dialer: string
  readonly client: Socket
  readonly server: Socket
  readonly pumps: readonly Pump[]
  holed: boolean
  halved: boolean
}
type Pump = { take(chunk: Buffer): void; end(): void; drain(): void; readonly waiting: () => boolean }

/** @param nameOf a peer's name by its id; '' for a stranger. @param random from 0 to below 1. */
export const startRelay = (
  port: number,
  target: { readonly name: string; readonly port: number },
  {
    ways,
    nameOf,
    counts,
    random,
    seen = () => undefined,
  }: {
    readonly ways: Ways
    readonly nameOf: (id: string) => string
    readonly counts: Counts
    readonly random: () => number
    readonly seen?: Seen
  },
): Promise<Relay> => {
  const open = new Set<Connection>()

  const accept = (client: Socket): void => {
    const server = connect({ port: target.port, host: '127.0.0.1' })
    for (const socket of [client, server]) socket.setNoDelay(true)
    const lose = (): void => void (connection.holed = true)
    const there = pumpTo(server, client, () => ways(connection.dialer, target.name), {
      counts,
      random,
      lose,
      seen: (what, bytes) => seen(what, connection.dialer, target.name, bytes),
    })
    const back = pumpTo(client, server, () => ways(target.name, connection.dialer), {
      counts,
      random,
      lose,
      seen: (what, bytes) => seen(what, target.name, connection.dialer, bytes),
    })
    let id = ''
    const connection: Connection = {
      get dialer() {
        return nameOf(id)
      },
      client,
      server,
      pumps: [there, back],
      holed: false,
      halved: false,
    }
    open.add(connection)
    let head: Buffer | null = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      if (connection.halved) return
      if (head === null) return there.take(chunk)
      head = Buffer.concat([head, chunk])
      if (!head.includes('\r\n\r\n') && head.length < HEAD_BYTES_MAX) return
      id = NAMED.exec(head.toString('latin1'))?.[1] ?? ''
      there.take(head)
      head = null
    })
    server.on('data', (chunk: Buffer) => back.take(chunk))
    const ended = (pump: Pump) => (): void => {
      if (!connection.halved) pump.end()
      if (client.destroyed && server.destroyed) open.delete(connection)
    }
    client.on('error', () => undefined).on('close', ended(there))
    server.on('error', () => undefined).on('close', ended(back))
  }

  const drop = (connection: Connection): void => {
    connection.client.resetAndDestroy()
    connection.server.resetAndDestroy()
    open.delete(connection)
  }
  const of = (dialer: string): readonly Connection[] => [...open].filter((connection) => connection.dialer === dialer)
  const listener: Server = createServer(accept)
  const relay: Relay = {
    wake: () => {
      for (const connection of open) {
        const isCut =
          ways(connection.dialer, target.name).cut !== 'no' || ways(target.name, connection.dialer).cut !== 'no'
        if (!isCut && (connection.holed || connection.halved)) drop(connection)
        else for (const pump of connection.pumps) pump.drain()
      }
    },
    hasDialed: (dialer) => of(dialer).length > 0,
    reset: (dialer) => {
      for (const connection of of(dialer)) {
        counts.reset++
        drop(connection)
      }
    },
    halve: (dialer) => {
      for (const connection of of(dialer)) {
        counts.halved++
        connection.halved = true
        connection.server.destroy()
      }
    },
    close: () => {
      for (const connection of open) drop(connection)
      return new Promise((resolve) => listener.close(() => resolve()))
    },
  }
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(port, '127.0.0.1', () => resolve(relay))
  })
}

/** One direction: pieces wait in their order until they are due and the way is open. */
const pumpTo = (
  to: Socket,
  from: Socket,
  way: () => Way,
  {
    counts,
    random,
    lose,
    seen,
  }: {
    readonly counts: Counts
    readonly random: () => number
    readonly lose: () => void
    readonly seen: (what: 'passed' | 'lost', bytes: number) => void
  },
): Pump => {
  const queue: { readonly chunk: Buffer | null; readonly dueMs: number }[] = []
  let bytes = 0
  let lastDueMs = 0
  let timer: NodeJS.Timeout | null = null

  const drain = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    for (;;) {
      const [next] = queue
      if (next === undefined || way().cut !== 'no') return
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0.5) {
        timer = setTimeout(drain, waitMs)
        return
      }
      queue.shift()
      if (next.chunk === null) to.destroy()
      else {
        bytes -= next.chunk.length
        counts.passed += next.chunk.length
        to.write(next.chunk)
        seen('passed', next.chunk.length)
      }
      if (bytes < QUEUE_BYTES_MAX / 2 && from.isPaused()) from.resume()
    }
  }
  const push = (chunk: Buffer | null, waitMs: number): void => {
    const size = chunk?.length ?? 0
    const { bytesPerSecond } = way()
    const sendMs = bytesPerSecond === null ? 0 : (size / bytesPerSecond) * 1_000
    lastDueMs = Math.max(lastDueMs, performance.now() + waitMs) + sendMs
    queue.push({ chunk, dueMs: lastDueMs })
    bytes += size
    if (bytes > QUEUE_BYTES_MAX) from.pause()
    drain()
  }
  return {
    drain,
    waiting: () => queue.length > 0,
    take: (chunk) => {
      const { cut, delayMs, jitterMs, bytesPerSecond, resentShare } = way()
      if (cut === 'lose') {
        counts.lost += chunk.length
        lose()
        seen('lost', chunk.length)
        return
      }
      if (cut === 'hold') counts.held += chunk.length
      const isResent = resentShare > 0 && random() < resentShare
      if (isResent) counts.resent++
      if (delayMs + jitterMs > 0 || bytesPerSecond !== null) counts.delayed += chunk.length
      push(chunk, delayMs + jitterMs * random() + (isResent ? RESENT_MS : 0))
    },
    end: () => {
      if (way().cut === 'lose') lose()
      push(null, way().delayMs)
    },
  }
}
